"""Many models: the same compiled training mapped over the seeds."""

import jax
import jax.numpy as jnp

from jax_training import make_train, named
from work import read_work, serve

work = read_work()
compiled = jax.jit(jax.vmap(make_train(work)))


def train(seed):
    losses, parameters = jax.block_until_ready(compiled(seed * work.models + jnp.arange(work.models)))
    return losses, named(parameters)


serve(work, train)
