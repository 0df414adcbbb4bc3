"""What the PyTorch peers share: the networks, the loss and Adam."""

import math

import torch
from torch import nn


def network(layers):
    parts = []
    for inputs, outputs in layers:
        parts += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


class Vae(nn.Module):
    def __init__(self, work):
        super().__init__()
        encoder, decoder = work.layers
        self.encoder = network(encoder)
        self.decoder = network(decoder)
        objective = work.objective
        self.floor = objective["variance_floor"]
        self.log_variance = nn.Parameter(torch.tensor(math.log(objective["decoder_variance"] - self.floor)))
        self.constant = work.constant

    def forward(self, x, noise):
        """Negative ELBO of a batch, nats a sample in raw units."""
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        z = mean + torch.exp(0.5 * log_variance) * noise
        y = self.decoder(z)
        variance = self.floor + torch.exp(self.log_variance)
        squared_error = ((x - y) ** 2).sum(-1)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1)
        gaussian = 0.5 * x.shape[-1] * torch.log(variance) + self.constant
        return (0.5 * squared_error / variance + kl).mean() + gaussian


def adam(work, weights, log_variance):
    settings = work.adam
    rate = settings["rate"]
    return torch.optim.Adam(
        [
            {"params": weights},
            {"params": [log_variance], "lr": rate * work.objective["variance_rate_factor"]},
        ],
        lr=rate,
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["epsilon"],
        fused=True,
    )


def restart(model, work, seed):
    """Gives the model fresh parameters in place, so that what torch.compile made of it stays valid."""
    torch.manual_seed(seed)
    for part in model.modules():
        if isinstance(part, nn.Linear):
            part.reset_parameters()
    with torch.no_grad():
        model.log_variance.fill_(math.log(work.objective["decoder_variance"] - model.floor))


def train_one(work, points, seed, model, loss_of):
    """loss_of(x, noise) is the model itself or what torch.compile made of it."""
    restart(model, work, seed)
    weights = [p for name, p in model.named_parameters() if name != "log_variance"]
    optimizer = adam(work, weights, model.log_variance)
    losses = []
    for _ in range(work.epochs):
        order = torch.randperm(len(points))
        total, steps = 0.0, 0
        for index in order.split(work.batch):
            noise = torch.randn(len(index), work.latent)
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(points[index], noise)
            loss.backward()
            optimizer.step()
            total, steps = total + loss.detach(), steps + 1
        losses.append(float(total) / steps)
    return losses, {name: p.detach().numpy() for name, p in model.named_parameters()}
