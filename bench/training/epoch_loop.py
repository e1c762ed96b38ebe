"""Run the steps of an epoch: one call each on a CPU, recorded once and replayed on a GPU.

Both ways are made ready before the clock starts, on copies, and leave the model as it was. What cannot be recorded is
stepped eagerly, and the record of the run says why. A model whose code may do more than compute is not even called: it
could count its calls, or fit itself to the first batch that it sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from bench.recipes.optimizers import is_recordable
from bench.recipes.recipe import Recipe
from bench.records.schema import Execution
from bench.training.augmentation import Augmenter
from bench.training.cuda_graphs import Augment, RecordingFailedError, record_epochs, refusal
from bench.training.heartbeat import beat
from bench.training.model import state
from bench.training.model.purity import impurity
from bench.training.model.seeds import seed_streams
from bench.training.pipeline import DeviceData
from bench.training.train_step import (
    Batch,
    Duplicate,
    EagerStep,
    Step,
    StepMethod,
    changed_by_steps,
    choose_method,
    eager_method,
    error_text,
    recordable_steps,
)


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

    def __init__(self, step: Step, data: DeviceData, batch_size: int, augment: Augment | None = None) -> None:
        self._step = step
        self._data = data
        self._batch_size = batch_size
        self._augment = augment

    def __call__(self, order: torch.Tensor, steps: int | None = None) -> torch.Tensor:
        device = self._data.labels.device
        used = order if steps is None else order[: steps * self._batch_size]
        loss_sum = torch.zeros((), device=device)
        ordered = self._data.reordered(used.to(device))
        if self._augment:
            self._augment(ordered.images)
        for images, labels in ordered.batches(self._batch_size):
            loss_sum.add_(self._step(images, labels), alpha=len(labels))
            beat()
        return loss_sum


def steps_of_epochs(recipe: Recipe, size: int) -> list[int]:
    """List the steps of each epoch of a training on ``size`` images, of which the last may be a part."""
    whole, rest = divmod(recipe.total_steps(size), recipe.steps_per_epoch(size))
    return [recipe.steps_per_epoch(size)] * whole + [rest] * bool(rest)


@dataclass(frozen=True)
class PreparedEpochs:
    """The way of running epochs of one model, and the method of its steps.

    ``pure`` tells whether its forward pass is proved to do nothing but compute; where it is not, the model has not
    been called. ``step`` is the one that is taken, or recorded.
    """

    run: RunEpoch
    execution: Execution
    pure: bool
    step: Step


def prepare_epochs(
    model: nn.Module, recipe: Recipe, data: DeviceData, duplicate: Duplicate, seed: int = 0, steps: int | None = None
) -> PreparedEpochs:
    """Choose the fastest way that trains ``model`` on ``data`` as eager steps would, and warm it up.

    The model is in training mode after that and otherwise as it was; torch's random generator is not.

    Args:
        duplicate: makes the copies that are called in its place.
        seed: augmentation is drawn from it.
        steps: how many there will be, over which the learning rate changes; None: the recipe's.

    Raises:
        RecordingFailedError: CUDA refused in the middle of a recording; a fresh process must take its steps eagerly.
    """
    model.train()
    device = data.labels.device
    steps = recipe.total_steps(len(data)) if steps is None else steps
    augment = Augmenter(recipe.augmentation, seed_streams(seed).augmentation) if recipe.augmentation else None

    def step_by_step(method: StepMethod, pure: bool = True) -> PreparedEpochs:
        step = method.step(model, recipe, steps)
        return PreparedEpochs(StepByStep(step, data, recipe.batch_size, augment), method.execution, pure, step)

    if reason := impurity(model):
        stand_in = _stand_in(int(data.labels.max()) + 1).to(device)
        _warm_up(lambda: stand_in, recipe, batches_of_each_size(data, recipe.batch_size))
        return step_by_step(eager_method(reason), pure=False)
    batches = batches_of_each_size(data, recipe.batch_size)
    if moved := state.changed(state.attributes(model), state.attributes(duplicate())):
        method = eager_method(f"its construction differs from time to time: {state.in_words(moved)}")
    elif device.type == "cpu":
        method = choose_method(duplicate, recipe, batches)
        if not method.graphs:
            _warm_up(duplicate, recipe, batches)
    elif moved := _warm_up(duplicate, recipe, batches):
        method = eager_method(f"a step changes {state.in_words(moved)}")
    elif reason := _no_recording(recipe, device):
        method = eager_method(reason)
    else:
        try:
            recordable = recordable_steps(model, recipe, duplicate, batches, steps)
            replayed = record_epochs(model, recipe, data, duplicate, recordable, augment=augment, total_steps=steps)
            return PreparedEpochs(replayed, Execution(mode="cuda_graph"), True, replayed.step)
        except RecordingFailedError:
            raise
        except Exception as error:  # a model may do anything
            method = eager_method(f"cannot be recorded: {error_text(error)}")
    return step_by_step(method)


def _no_recording(recipe: Recipe, device: torch.device) -> str:
    """Say why steps cannot be recorded whatever the model; empty where they may."""
    if device.type != "cuda":
        return f"no steps are captured on {device.type}"
    names = [settings.optimizer for settings in (recipe, recipe.others) if settings and not is_recordable(settings)]
    if names:
        return f"cannot be recorded: replayed, torch's {names[0]} would not do what it does called"
    return f"cannot be recorded: {refusal()}" if refusal() else ""


def batches_of_each_size(data: DeviceData, batch_size: int) -> list[Batch]:
    """Make two batches of other images for each size that an epoch has, with labels in random order."""
    sizes = {min(batch_size, len(data)), len(data) % batch_size or min(batch_size, len(data))}
    labels = data.labels[torch.randperm(len(data)).to(data.labels.device)]
    starts = (0, max(0, len(data) - batch_size))
    return [
        (data.images[start : start + size], labels[start : start + size])
        for size in sorted(sizes, reverse=True)
        for start in starts
    ]


def _stand_in(num_classes: int) -> nn.Module:
    """Make layers of the usual kinds, which start threads and libraries in place of a model that must not be called."""
    return nn.Sequential(nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 12 * 12, num_classes))


def _warm_up(duplicate: Duplicate, recipe: Recipe, batches: Sequence[Batch]) -> list[str]:
    """Take eager steps on a copy; give the names of what they change beside its tensors."""
    model = duplicate().train()
    return changed_by_steps(EagerStep(model, recipe, len(batches)), model, batches)
