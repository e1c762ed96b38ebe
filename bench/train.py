"""The harness: one model, one recipe, one seed, one device -> a history. It knows no model by name.

Warm-up runs on a copy of the model with random labels, so that nothing is learnt before the clock starts. The
training loop never reads a value back from the device: the loss is summed there and read once an epoch.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from bench.evaluate import BATCH_SIZE, Evaluation, evaluate
from bench.pipeline import DeviceData, epoch_order, normalise
from bench.precision import autocast
from bench.recipes import Recipe
from bench.records import Epoch
from bench.timing import Clocks

WARM_UP_STEPS = 3


class DivergedError(Exception):
    """The training loss or the test loss of an epoch is not a finite number."""


@dataclass(frozen=True)
class SeedStreams:
    """Two independent random streams of one seed: for the weights (and dropout), and for the data order."""

    weights: int
    order: int


@dataclass(frozen=True)
class History:
    """What training gave: one entry per epoch and the evaluation after the last."""

    epochs: list[Epoch]
    final: Evaluation


def seed_streams(seed: int) -> SeedStreams:
    """Split a seed, so that initialisation and order are not drawn from the same numbers."""
    weights, order = np.random.SeedSequence(seed).generate_state(2)
    return SeedStreams(int(weights), int(order))


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over all parameters, as one fused kernel.

    Raises:
        ValueError: the recipe names an optimizer the harness does not have.
    """
    if recipe.optimizer != "adam":
        raise ValueError(f"recipe {recipe.name!r} asks for optimizer {recipe.optimizer!r}; the harness has 'adam'")
    return torch.optim.Adam(model.parameters(), lr=recipe.learning_rate, fused=True)


def train(
    model: nn.Module,
    recipe: Recipe,
    train_data: DeviceData,
    test_data: DeviceData,
    seed: int,
    clocks: Clocks,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> History:
    """Train ``model`` in place for ``recipe.epochs`` epochs, evaluating after each.

    Args:
        model: on the device of the data, in its initial state.
        clocks: gets ``warmup``, ``train`` and ``eval``.
        on_epoch: called after each epoch, outside the clocks.

    Raises:
        DivergedError: a loss is not finite. The epoch in which it happened has been passed to ``on_epoch``.
    """
    streams = seed_streams(seed)
    with clocks.measure("warmup"):
        _warm_up(model, recipe, train_data, test_data)
    torch.manual_seed(streams.weights)  # warm-up may have drawn from it (dropout)
    order_generator = torch.Generator().manual_seed(streams.order)
    optimizer = make_optimizer(model, recipe)
    epochs = []
    for number in range(1, recipe.epochs + 1):
        with clocks.measure("train") as training:
            loss_sum = train_epoch(model, optimizer, recipe, train_data, order_generator)
        with clocks.measure("eval") as evaluating:
            evaluation = evaluate(model, test_data, recipe)
        train_loss = loss_sum.item() / len(train_data)
        epoch = Epoch(
            epoch=number,
            train_s=training.seconds,
            eval_s=evaluating.seconds,
            train_loss=_finite_or_none(train_loss),
            test_loss=_finite_or_none(evaluation.loss),
            test_accuracy=evaluation.accuracy,
        )
        epochs.append(epoch)
        on_epoch(epoch)
        if epoch.train_loss is None or epoch.test_loss is None:
            raise DivergedError(f"epoch {number}: training loss {train_loss}, test loss {evaluation.loss}")
    return History(epochs, evaluation)


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    data: DeviceData,
    order_generator: torch.Generator,
) -> torch.Tensor:
    """One pass over ``data`` in a new order; returns the summed loss as a scalar on the device."""
    device = data.labels.device
    shuffled = data.reordered(epoch_order(len(data), order_generator).to(device))
    loss_sum = torch.zeros((), device=device)
    model.train()
    for images, labels in shuffled.batches(recipe.batch_size):
        loss_sum += train_step(model, optimizer, recipe, images, labels) * len(labels)
    return loss_sum


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    images: torch.Tensor,
    labels: torch.Tensor,
) -> torch.Tensor:
    """One optimizer step on uint8 ``images``; returns the batch's mean loss, detached, on the device."""
    optimizer.zero_grad(set_to_none=True)
    with autocast(recipe, labels.device):
        loss = F.cross_entropy(model(normalise(images, recipe)), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def _warm_up(model: nn.Module, recipe: Recipe, train_data: DeviceData, test_data: DeviceData) -> None:
    twin = copy.deepcopy(model)
    optimizer = make_optimizer(twin, recipe)
    first = DeviceData(train_data.images[: recipe.batch_size], train_data.labels[: recipe.batch_size])
    labels = first.labels[torch.randperm(len(first)).to(first.labels.device)]
    twin.train()
    for _ in range(WARM_UP_STEPS):
        train_step(twin, optimizer, recipe, first.images, labels)
    evaluate(twin, DeviceData(test_data.images[:BATCH_SIZE], test_data.labels[:BATCH_SIZE]), recipe)


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
