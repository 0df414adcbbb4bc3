"""Writes pytorch_losses.json beside this file: ten steps of Adam as PyTorch takes them, for tests/training/adam_test.cpp.

Needs torch and numpy; computes in double. Everything random is either written into the file (points, initial parameters) or
repeated from the documented generator (include/gmmvae/random.hpp): Philox4x32-10, the keyed permutation that orders an
epoch's points, and Box-Muller normals for the reparameterised sample. The encoder's and decoder's layers, the activations,
their derivatives and Adam are PyTorch's own.
"""

import json
import math
import pathlib

import numpy as np
import torch
from torch import nn

torch.set_default_dtype(torch.float64)
MASK = 0xFFFFFFFF
SHUFFLE, TRAINING_NOISE = 0, 1


def philox(seed, purpose, model, step, block):
    """Philox4x32-10 of Salmon et al. (SC 2011)."""
    key = [seed & MASK, seed >> 32]
    c = [block, step, model, purpose]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ key[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ key[1], p0 & MASK]
        key = [(key[0] + 0x9E3779B9) & MASK, (key[1] + 0xBB67AE85) & MASK]
    return c


def permutation(size, seed, model, epoch):
    """An eight-round Feistel network on the smallest power of two that holds `size` (at least 256), cycle-walked."""
    bits = max(8, (size - 1).bit_length())
    low_bits, high_bits = bits - bits // 2, bits // 2
    keys = philox(seed, SHUFFLE, model, epoch, 0) + philox(seed, SHUFFLE, model, epoch, 1)

    def mix(half, key):
        h = half ^ key
        h ^= h >> 16
        h = (h * 0x7FEB352D) & MASK
        h ^= h >> 15
        h = (h * 0x846CA68B) & MASK
        return h ^ (h >> 16)

    def feistel(position):
        low, high = position & ((1 << low_bits) - 1), position >> low_bits
        for r in range(0, 8, 2):
            high ^= mix(low, keys[r]) & ((1 << high_bits) - 1)
            low ^= mix(high, keys[r + 1]) & ((1 << low_bits) - 1)
        return high << low_bits | low

    order = []
    for i in range(size):
        i = feistel(i)
        while i >= size:
            i = feistel(i)
        order.append(i)
    return order


def noise(seed, model, step, rows, latent):
    """Standard normals [rows, latent]: words (0,1) of block i make elements 4i and 4i+1, words (2,3) the next two."""
    values = []
    for block in range((rows * latent + 3) // 4):
        u = [w * 2.0**-32 + 2.0**-33 for w in philox(seed, TRAINING_NOISE, model, step, block)]
        for a, b in ((u[0], u[1]), (u[2], u[3])):
            radius = math.sqrt(-2 * math.log(a))
            values += [radius * math.cos(2 * math.pi * b), radius * math.sin(2 * math.pi * b)]
    return torch.tensor(values[: rows * latent]).reshape(rows, latent)


ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "softplus": nn.Softplus, "gelu": nn.GELU, "leaky-relu": nn.LeakyReLU,
               "elu": nn.ELU, "identity": nn.Identity}


def network(widths, activation):
    layers = []
    for i, o in zip(widths, widths[1:]):
        layers += [nn.Linear(i, o), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def train(case, x):
    encoder = network([x.shape[1], *case["encoder_hidden"], 2 * case["latent"]], case["activation"])
    decoder = network([case["latent"], *case["decoder_hidden"], x.shape[1]], case["activation"])
    parameters = [*encoder.parameters(), *decoder.parameters()]
    count = {"fixed": 0, "learned": 1, "learned-per-dim": x.shape[1]}[case["variance_kind"]]
    log_variance = nn.Parameter(torch.full((count,), math.log(case["decoder_variance"] - case["variance_floor"])))
    groups = [{"params": parameters}]
    if count:  # a parameter group of its own: see kVarianceRateFactor
        groups.append({"params": [log_variance], "lr": 10 * case["learning_rate"]})
        parameters = [*parameters, log_variance]
    for p in parameters:  # exact in single precision, so that both sides start from the same numbers
        p.data = p.data.float().double()
    case["parameters"] = [float(v) for p in parameters for v in p.detach().reshape(-1)]

    def loss_of(batch, epsilon):
        mean, raw = encoder(batch).chunk(2, dim=1)
        variance = raw.exp() if case["posterior_variance"] == "exp" else nn.functional.softplus(raw / 2)
        y = decoder(mean + variance.sqrt() * epsilon)
        kl = 0.5 * (mean**2 + variance - 1 - variance.log())
        if case["objective"] == "course":
            return nn.functional.mse_loss(y, batch) + case["beta"] * kl.mean()
        if case["objective"] == "half-sse":
            return 0.5 * ((y - batch) ** 2).sum(1).mean() + case["beta"] * kl.sum(1).mean()
        v = {"elbo": case["variance_floor"] + log_variance.exp() if count else torch.tensor(case["decoder_variance"]),
             "lab": torch.tensor(0.1)}[case["objective"]]
        nll = nn.functional.gaussian_nll_loss(y, batch, v.expand_as(y), full=True, reduction="none").sum(1).mean()
        return nll + case["beta"] * kl.sum(1).mean()

    optimizer = torch.optim.Adam(groups, lr=case["learning_rate"])
    losses, step = [], 0
    for epoch in range(case["epochs"]):
        order = permutation(len(x), case["seed"], case["model"], epoch)
        batches = []
        for start in range(0, len(x), case["batch"]):
            batch = x[order[start : start + case["batch"]]]
            loss = loss_of(batch, noise(case["seed"], case["model"], step, len(batch), case["latent"]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            batches.append(loss.item())
            step += 1
        losses.append(sum(batches) / len(batches))
    return losses


def main():
    torch.manual_seed(0)
    points = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    points[:50] += np.float32(2)
    base = {"latent": 2, "encoder_hidden": [16, 8], "decoder_hidden": [8, 16], "activation": "relu",
            "posterior_variance": "exp", "objective": "elbo", "variance_kind": "fixed", "decoder_variance": 0.1,
            "variance_floor": 1e-6, "beta": 1.0, "learning_rate": 1e-3, "rows": 96, "batch": 96, "epochs": 10,
            "seed": 7, "model": 0}
    cases = [
        {"name": "elbo with a learned variance", "variance_kind": "learned"},
        {"name": "elbo with a learned variance a dimension", "variance_kind": "learned-per-dim", "activation": "tanh"},
        {"name": "course", "objective": "course", "posterior_variance": "softplus-half"},
        {"name": "half-sse", "objective": "half-sse", "activation": "softplus", "beta": 0.5},
        {"name": "lab", "objective": "lab", "activation": "elu"},
        {"name": "gelu", "activation": "gelu", "latent": 3, "learning_rate": 1e-2},
        {"name": "leaky relu, two batches an epoch, the second short", "activation": "leaky-relu", "rows": 100, "epochs": 5},
        {"name": "another model of the same seed", "activation": "identity", "model": 3, "seed": 2**40 + 5},
    ]
    for i, case in enumerate(cases):
        cases[i] = case = {**base, **case}
        case["losses"] = train(case, torch.tensor(points[: case["rows"]]).double())
        print(case["name"], case["losses"][0], case["losses"][-1])
    out = {"torch": torch.__version__.split("+")[0], "points": points.astype(float).tolist(), "cases": cases}
    path = pathlib.Path(__file__).with_name("pytorch_losses.json")
    path.write_text(json.dumps(out, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
