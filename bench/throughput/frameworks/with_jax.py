"""JAX with optax: a whole epoch as one compiled scan, images kept as uint8 and gathered inside."""

import itertools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench.throughput.frameworks.data import training_set
from bench.throughput.frameworks.registry import BATCH_SIZE, CLASSES, LAYERS, LEARNING_RATE, Task, UnsupportedModelError
from bench.throughput.subprocess_timer import Timer

CONV_STEPS = 20
"""How many steps of an epoch with convolutions are timed; they are slow here."""

Weights = list[tuple[jax.Array, jax.Array]]


def timer(task: Task) -> Timer:
    """Build the timer of an epoch; the last partial batch is left out, and made up for in proportion.

    Raises:
        UnsupportedModelError: JAX has not got the task's device.
    """
    jax.config.update("jax_platforms", task.device)  # left alone it takes a GPU where its plug-in is
    images, labels = (jnp.asarray(part) for part in training_set())
    if (platform := next(iter(images.devices())).platform) != task.device:
        raise UnsupportedModelError(f"JAX computes on {platform} here, not on {task.device}")
    weights = _weights(task.model)
    optimizer = optax.adam(LEARNING_RATE)
    state = optimizer.init(weights)
    steps = len(images) // BATCH_SIZE if task.model in LAYERS else CONV_STEPS
    predict = _linear if task.model in LAYERS else _convolutional

    def loss_of(weights: Weights, chosen: jax.Array) -> jax.Array:
        pixels = images[chosen].astype(jnp.float32) / 127.5 - 1
        return optax.softmax_cross_entropy_with_integer_labels(predict(weights, pixels), labels[chosen]).mean()

    def step(carry: Any, chosen: jax.Array) -> Any:
        weights, state = carry
        loss, gradients = jax.value_and_grad(loss_of)(weights, chosen)
        updates, state = optimizer.update(gradients, state, weights)
        return (optax.apply_updates(weights, updates), state), loss

    epoch = jax.jit(lambda carry, order: jax.lax.scan(step, carry, order), donate_argnums=0)
    random = np.random.default_rng(0)
    carry = (weights, state)

    def seconds() -> float:
        nonlocal carry
        start = time.perf_counter()
        order = random.permutation(len(images))[: steps * BATCH_SIZE].reshape(steps, BATCH_SIZE)
        carry, losses = epoch(carry, jnp.asarray(order))
        losses.block_until_ready()
        return (time.perf_counter() - start) * len(images) / (steps * BATCH_SIZE)

    return seconds


def _weights(model: str) -> Weights:
    if model in LAYERS:
        sizes = [784, *LAYERS[model]]
        shapes: list[tuple[int, ...]] = list(itertools.pairwise(sizes))
    else:
        shapes = [(3, 3, 1, 32), (3, 3, 32, 64), (3136, 128), (128, CLASSES)]
    random = np.random.default_rng(0)

    def uniform(shape: tuple[int, ...]) -> jax.Array:
        bound = 1 / np.sqrt(np.prod(shape[:-1]))
        return jnp.asarray(random.uniform(-bound, bound, shape), dtype=jnp.float32)

    return [(uniform(shape), jnp.zeros(shape[-1])) for shape in shapes]


def _linear(weights: Weights, pixels: jax.Array) -> jax.Array:
    x = pixels.reshape(len(pixels), -1)
    for matrix, bias in weights[:-1]:
        x = jax.nn.relu(x @ matrix + bias)
    matrix, bias = weights[-1]
    return x @ matrix + bias


def _convolutional(weights: Weights, pixels: jax.Array) -> jax.Array:
    x = pixels[..., None]
    for kernel, bias in weights[:2]:
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.lax.reduce_window(x + bias, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x = jax.nn.relu(x)
    return _linear(weights[2:], x)
