"""The whole training of one model as one function of its seed, for jax_scan.py and jax_vmap.py."""

import jax
import jax.numpy as jnp


def initial_parameters(work, key):
    """Weights and biases U(-1/sqrt(in), 1/sqrt(in)), as nn.Linear draws them, and the logarithm of the variance."""
    networks = []
    for layers in work.layers:
        network = []
        for inputs, outputs in layers:
            key, for_weight, for_bias = jax.random.split(key, 3)
            bound = inputs**-0.5
            network.append(
                (
                    jax.random.uniform(for_weight, (inputs, outputs), minval=-bound, maxval=bound),
                    jax.random.uniform(for_bias, (outputs,), minval=-bound, maxval=bound),
                )
            )
        networks.append(network)
    objective = work.objective
    log_variance = jnp.log(objective["decoder_variance"] - objective["variance_floor"])
    return {"encoder": networks[0], "decoder": networks[1], "log_variance": log_variance}


def run_network(network, x):
    for weight, bias in network[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    weight, bias = network[-1]
    return x @ weight + bias


def batch_loss(work, parameters, x, noise):
    """Negative ELBO, nats a sample in raw units."""
    mean, log_variance = jnp.split(run_network(parameters["encoder"], x), 2, axis=1)
    z = mean + jnp.exp(0.5 * log_variance) * noise
    y = run_network(parameters["decoder"], z)
    variance = work.objective["variance_floor"] + jnp.exp(parameters["log_variance"])
    squared_error = jnp.sum((x - y) ** 2, axis=1)
    kl = 0.5 * jnp.sum(mean**2 + jnp.exp(log_variance) - 1 - log_variance, axis=1)
    dim = x.shape[1]
    return jnp.mean(0.5 * squared_error / variance + kl) + 0.5 * dim * jnp.log(variance) + work.constant


def make_train(work):
    """train(seed) -> losses [epochs], parameters; to be jitted, or mapped over seeds and jitted."""
    points = jnp.asarray(work.points)
    count = len(points)
    whole = count // work.batch
    beta1, beta2 = work.adam["beta1"], work.adam["beta2"]

    def step(state, x_and_key):
        parameters, first, second, t = state
        x, key = x_and_key
        noise = jax.random.normal(key, (x.shape[0], work.latent))
        loss, gradient = jax.value_and_grad(lambda p: batch_loss(work, p, x, noise))(parameters)
        t = t + 1
        first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, first, gradient)
        second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, second, gradient)
        rates = jax.tree.map(lambda _: work.adam["rate"], parameters)
        rates["log_variance"] = work.adam["rate"] * work.objective["variance_rate_factor"]
        correction1, correction2 = 1 - beta1**t, 1 - beta2**t
        parameters = jax.tree.map(
            lambda p, m, v, rate: p
            - rate / correction1 * m / (jnp.sqrt(v) / jnp.sqrt(correction2) + work.adam["epsilon"]),
            parameters,
            first,
            second,
            rates,
        )
        return (parameters, first, second, t), loss

    def epoch(state, key):
        for_order, for_noise = jax.random.split(key)
        shuffled = points[jax.random.permutation(for_order, count)]
        keys = jax.random.split(for_noise, whole + 1)
        batches = shuffled[: whole * work.batch].reshape(whole, work.batch, -1)
        state, losses = jax.lax.scan(step, state, (batches, keys[:whole]))
        total, steps = jnp.sum(losses), whole
        if whole * work.batch < count:
            state, last = step(state, (shuffled[whole * work.batch :], keys[whole]))
            total, steps = total + last, whole + 1
        return state, total / steps

    def train(seed):
        key = jax.random.key(seed)
        for_parameters, for_epochs = jax.random.split(key)
        parameters = initial_parameters(work, for_parameters)
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        state, losses = jax.lax.scan(
            epoch, (parameters, zeros, zeros, jnp.float32(0)), jax.random.split(for_epochs, work.epochs)
        )
        return losses, state[0]

    return train


def named(parameters):
    """A flat dict of arrays for a file."""
    leaves, _ = jax.tree.flatten_with_path(parameters)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}
