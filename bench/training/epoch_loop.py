"""Run the steps of an epoch: one call each on a CPU, recorded once and replayed on a GPU.

Both ways are made ready before the clock starts and leave the model as it was. What cannot be recorded is stepped
eagerly, and the record of the run says why.
"""

import copy
import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import nn

from bench.recipes.recipe import Recipe
from bench.records.schema import Execution
from bench.training.cuda_graphs import ReplayedEpochs
from bench.training.pipeline import DeviceData
from bench.training.train_step import Batch, EagerStep, Step, choose_method, eager_method, error_text

WARM_UP_ROUNDS = 2


class RunEpoch(Protocol):
    """Run one pass over the training data.

    Args:
        order: a permutation of all images, int64 of shape ``(N,)``, on the CPU.
        steps: stop after so many; None for all.

    Returns:
        The loss summed over all images seen, a scalar on the device.
    """

    def __call__(self, order: torch.Tensor, steps: int | None = None) -> torch.Tensor: ...


class StepByStep:
    """Run epochs by putting all images in order and calling ``step`` for one batch after the other."""

    def __init__(self, step: Step, data: DeviceData, batch_size: int) -> None:
        self._step = step
        self._data = data
        self._batch_size = batch_size

    def __call__(self, order: torch.Tensor, steps: int | None = None) -> torch.Tensor:
        device = self._data.labels.device
        used = order if steps is None else order[: steps * self._batch_size]
        loss_sum = torch.zeros((), device=device)
        for images, labels in self._data.reordered(used.to(device)).batches(self._batch_size):
            loss_sum.add_(self._step(images, labels), alpha=len(labels))
        return loss_sum


def steps_per_epoch(size: int, batch_size: int) -> int:
    """Count the steps of an epoch, the last partial batch included."""
    return math.ceil(size / batch_size)


def prepare_epochs(model: nn.Module, recipe: Recipe, data: DeviceData) -> tuple[RunEpoch, Execution]:
    """Choose the fastest way that trains ``model`` on ``data`` as eager steps would, and warm it up.

    The model is in training mode after that and otherwise as it was; torch's random generator is not.
    """
    model.train()
    batches = batches_of_each_size(data, recipe.batch_size)
    if data.labels.device.type == "cuda":
        try:
            return ReplayedEpochs(model, recipe, data), Execution(mode="cuda_graph")
        except Exception as error:  # a model may do anything
            method = eager_method(f"cannot be recorded: {error_text(error)}")
    else:
        method = choose_method(model, recipe, batches)
    if not method.graphs:  # captured steps were taken when they were compared with eager ones
        _warm_up(model, recipe, batches)
    return StepByStep(method.step(model, recipe), data, recipe.batch_size), method.execution


def batches_of_each_size(data: DeviceData, batch_size: int) -> list[Batch]:
    """Make the first batch and, where the last one is smaller, one of its size, with labels in random order."""
    sizes = {min(batch_size, len(data)), len(data) % batch_size or batch_size}
    first = DeviceData(data.images[:batch_size], data.labels[:batch_size])
    random_labels = first.labels[torch.randperm(len(first)).to(first.labels.device)]
    return [(first.images[:size], random_labels[:size]) for size in sorted(sizes, reverse=True)]


def _warm_up(model: nn.Module, recipe: Recipe, batches: Sequence[Batch]) -> None:
    step = EagerStep(copy.deepcopy(model), recipe)
    for images, labels in [*batches] * WARM_UP_ROUNDS:
        step(images, labels)
