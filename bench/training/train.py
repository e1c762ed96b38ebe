"""The training harness: trains one model by one recipe from one seed on one device. It knows no model by name.

Warm-up decides how steps are taken; it learns nothing. The training loop never reads a value back from the device: the
loss is summed there and read once an epoch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from bench.recipes.recipe import Recipe
from bench.records.schema import Epoch, Execution
from bench.training.epoch_loop import prepare_epochs
from bench.training.evaluate import BATCH_SIZE, Evaluation, evaluate
from bench.training.pipeline import DeviceData, epoch_order
from bench.training.timing import Clocks


class DivergedError(Exception):
    """Training diverged: the training loss or the test loss of an epoch is not a finite number."""


@dataclass(frozen=True)
class SeedStreams:
    """Two independent random streams of one seed: for the weights (and dropout), and for the data order."""

    weights: int
    order: int


@dataclass(frozen=True)
class History:
    """History of a training run: one entry per epoch, the evaluation after the last, and the execution of the steps."""

    epochs: list[Epoch]
    final: Evaluation
    execution: Execution


def seed_streams(seed: int) -> SeedStreams:
    """Split a seed, so that initialisation and order are not drawn from the same numbers."""
    weights, order = np.random.SeedSequence(seed).generate_state(2)
    return SeedStreams(int(weights), int(order))


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
        run_epoch, execution = prepare_epochs(model, recipe, train_data)
        evaluate(model, DeviceData(test_data.images[:BATCH_SIZE], test_data.labels[:BATCH_SIZE]), recipe)
    torch.manual_seed(streams.weights)  # warm-up may have drawn from it (dropout)
    order_generator = torch.Generator().manual_seed(streams.order)
    epochs = []
    for number in range(1, recipe.epochs + 1):
        with clocks.measure("train") as training:
            loss_sum = run_epoch(epoch_order(len(train_data), order_generator))
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
    return History(epochs, evaluation, execution)


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
