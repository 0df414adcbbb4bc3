"""The one description of the training that every peer does, read from training.json, and how compare.py talks to a peer.

A peer is a program `PEER.py --work training.json --data data.npz [--hidden 64,64] [--models M] [--out model.npz]`. For
each line of its input, a seed, it trains M models from scratch and answers with one line of JSON: `seconds` and
`cpu_seconds` of the training alone, `loss` (M numbers: each model's mean loss over the last ten epochs) and `models`. Compilation falls into the
first answer; compare.py times it apart. At the end of its input it writes the last trained parameters to --out.
"""

import argparse
import dataclasses
import json
import math
import sys
import time

import numpy as np

LAST_EPOCHS = 10


@dataclasses.dataclass
class Work:
    points: np.ndarray  # [N, D], scaled to mean 0 and variance 1
    log_jacobian: float  # nats between the scaled and the raw density
    hidden: list
    latent: int
    batch: int
    epochs: int
    adam: dict
    objective: dict
    models: int
    out: str

    @property
    def layers(self):
        """(in, out) of each dense layer: the encoder's, then the decoder's."""
        dim = self.points.shape[1]
        encoder = [dim, *self.hidden, 2 * self.latent]
        decoder = [self.latent, *self.hidden, dim]
        return list(zip(encoder, encoder[1:])), list(zip(decoder, decoder[1:]))

    @property
    def constant(self):
        """What the loss adds to squared error, log variance and KL: nats a sample in raw units."""
        return 0.5 * self.points.shape[1] * math.log(2 * math.pi) + self.log_jacobian


def read_work():
    options = argparse.ArgumentParser()
    options.add_argument("--work", required=True)
    options.add_argument("--data", required=True)
    options.add_argument("--hidden", default="")
    options.add_argument("--models", type=int, default=1)
    options.add_argument("--out", default="")
    given = options.parse_args()
    with open(given.work) as file:
        work = json.load(file)
    x = np.load(given.data)["x"].astype(np.float64)
    scale = x.std(axis=0)
    hidden = [int(width) for width in given.hidden.split(",")] if given.hidden else work["hidden"]
    return Work(
        points=((x - x.mean(axis=0)) / scale).astype(np.float32),
        log_jacobian=float(np.log(scale).sum()),
        hidden=hidden,
        latent=work["latent"],
        batch=work["batch"],
        epochs=work["epochs"],
        adam=work["adam"],
        objective=work["objective"],
        models=given.models,
        out=given.out,
    )


def serve(work, train):
    """Answers every seed on standard input. train(seed) -> losses [M, epochs] and a dict of named arrays."""
    parameters = {}
    for line in sys.stdin:
        begin, cpu_begin = time.perf_counter(), time.process_time()
        losses, parameters = train(int(line))
        seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
        losses = np.asarray(losses, dtype=np.float64).reshape(work.models, work.epochs)
        last = losses[:, -LAST_EPOCHS:].mean(axis=1).tolist()
        answer = {"seconds": seconds, "cpu_seconds": cpu_seconds, "models": work.models, "loss": last}
        print(json.dumps(answer), flush=True)
    if work.out:
        np.savez(work.out, **{name: np.asarray(value) for name, value in parameters.items()})
