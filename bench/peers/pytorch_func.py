"""Many models: their parameters stacked, gradients by torch.func.grad mapped over the models."""

import torch
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from pytorch_training import Vae, adam
from work import read_work, serve

work = read_work()
points = torch.from_numpy(work.points)


def train(seed):
    torch.manual_seed(seed)
    models = [Vae(work) for _ in range(work.models)]
    parameters, _ = stack_module_state(models)
    parameters = {name: p.detach() for name, p in parameters.items()}
    skeleton = models[0]
    gradients_of = vmap(grad_and_value(lambda p, x, noise: functional_call(skeleton, p, (x, noise))))
    weights = [p for name, p in parameters.items() if name != "log_variance"]
    optimizer = adam(work, weights, parameters["log_variance"])
    losses = []
    for _ in range(work.epochs):
        orders = torch.stack([torch.randperm(len(points)) for _ in range(work.models)])
        total, steps = torch.zeros(work.models), 0
        for index in orders.split(work.batch, dim=1):
            noise = torch.randn(*index.shape, work.latent)
            gradients, loss = gradients_of(parameters, points[index], noise)
            for name, p in parameters.items():
                p.grad = gradients[name]
            optimizer.step()
            total, steps = total + loss, steps + 1
        losses.append(total / steps)
    return torch.stack(losses, dim=1), parameters


serve(work, train)
