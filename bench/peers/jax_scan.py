"""One model: the whole training, every epoch and step of it, is one compiled function."""

import jax

from jax_training import make_train, named
from work import read_work, serve

work = read_work()
compiled = jax.jit(make_train(work))


def train(seed):
    losses, parameters = jax.block_until_ready(compiled(seed))
    return losses, named(parameters)


serve(work, train)
