"""Execute one trial, from its description to its result, in this process. Writes nothing to disk."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from bench.common.errors import UserError
from bench.data import datasets
from bench.data.held_out import hold_out
from bench.recipes.recipe import Recipe
from bench.records.schema import Clock, Flag, ModelInfo, Result, Trial
from bench.records.storage import Predictions
from bench.training.devices import resolve_device
from bench.training.epoch_loop import steps_of_epochs
from bench.training.evaluate import Evaluation
from bench.training.memory import measure_memory
from bench.training.model.checks import find_flags
from bench.training.model.flops import UncountedError, train_flops_per_image
from bench.training.model.initial import ModelBuilder
from bench.training.model.weights import weight_bytes
from bench.training.pipeline import DeviceData, to_device
from bench.training.precision import check_precision, set_matrix_precision
from bench.training.result import OnEvent, Trained, TrialResult
from bench.training.timing import Clocks, TimeSource
from bench.training.train import History, train
from bench.training.train_step import error_text, reason_text
from models import source_sha256

EXAMPLES = 12
UNFINISHED = "the worker ended before they were done"

T = TypeVar("T")


def recipe_of(trial: Trial) -> Recipe:
    """The trial's recipe."""
    return Recipe.model_validate(trial.model_dump(include=set(Recipe.model_fields)))


def execute(
    trial: Trial, data_dir: Path, on_event: OnEvent, startup_s: float = 0.0, now: TimeSource = time.perf_counter
) -> TrialResult:
    """Train and evaluate as ``trial`` describes.

    Args:
        on_event: gets each epoch, and :class:`Trained` as soon as nothing that the run needs is left to do.
        startup_s: seconds that process start and imports took, if this trial is the one that had to wait for them.

    Raises:
        DivergedError: a loss is not finite.
        UserError: the data cannot be read, or the device cannot do it, or the model gives no logits of ten classes.
    """
    start = now()
    device, recipe = settle(trial)
    clocks = Clocks(device, now)
    with clocks.measure("setup"):
        data = load(trial, data_dir, device)
        build = data.build
        model = build()
    history = train(model, recipe, data.train, data.test, trial.seed, clocks, build, on_event)
    check_outputs(history.final.logits, build.num_classes)
    total_s = now() - start + startup_s
    left_out = _left_out(history, build)
    result = TrialResult(
        model=describe_model(trial.model, model),
        result=Result(
            test_accuracy=history.final.accuracy,
            test_loss=history.final.loss,
            test_size=len(data.test),
            train_images_per_s=_images_seen(recipe, len(data.train)) / clocks.total("train"),
        ),
        execution=history.execution.model_copy(update={"left_out": left_out | {"checks": UNFINISHED}}),
        clock=Clock(
            startup_s=startup_s,
            setup_s=clocks.total("setup"),
            warmup_s=clocks.total("warmup"),
            train_s=clocks.total("train"),
            eval_s=clocks.total("eval"),
            total_s=total_s,
        ),
        memory=measure_memory(device),
        predictions=pick_predictions(history.final, data.test),
        weights=_weights(model, left_out),
        leaves_traces=not history.pure,
    )
    on_event(Trained(result))
    flags: list[Flag] = []
    checks = find_flags(model, history, recipe, data.train, data.test, build)
    _optional("checks", left_out, lambda: flags.extend(checks))
    flops = _optional("flops", left_out, lambda: train_flops_per_image(build()))
    return dataclasses.replace(
        result,
        model=result.model.model_copy(update={"train_flops_per_image": flops}),
        execution=history.execution.model_copy(update={"left_out": left_out}),
        flags=flags,
    )


def _images_seen(recipe: Recipe, size: int) -> int:
    """Count the images that training sees, with repeats."""
    return sum(min(size, steps * recipe.batch_size) for steps in steps_of_epochs(recipe, size))


@dataclass(frozen=True)
class TrialData:
    """Data of a trial on its device, and the builder of its model there."""

    train: DeviceData
    test: DeviceData
    build: ModelBuilder


def settle(trial: Trial) -> tuple[torch.device, Recipe]:
    """Set this process up for a trial; gives its device and its recipe.

    Raises:
        UserError: the device is not there, or cannot compute in the precision.
    """
    device = torch.device(resolve_device(trial.device))
    recipe = recipe_of(trial)
    check_precision(recipe.precision, device)
    torch.set_num_threads(trial.threads)
    set_matrix_precision(recipe.precision)
    return device, recipe


def load(trial: Trial, data_dir: Path, device: torch.device) -> TrialData:
    """Bring a trial's data to the device.

    Raises:
        UserError: the data cannot be read.
    """
    dataset = datasets.find_dataset(trial.dataset)
    if trial.held_out:
        train_split, test_split = hold_out(datasets.load_training(dataset, data_dir), trial.held_out)
    else:
        train_split, test_split = datasets.load(dataset, data_dir)
    return TrialData(
        train=to_device(train_split.images[: trial.train_size], train_split.labels[: trial.train_size], device),
        test=to_device(test_split.images, test_split.labels, device),
        build=ModelBuilder(trial.model, dataset.num_classes, trial.seed, device),
    )


def check_outputs(outputs: torch.Tensor, num_classes: int) -> None:
    """Check that a model gives one output for each class.

    Raises:
        UserError: it gives others.
    """
    if outputs.dim() != 2 or outputs.shape[1] != num_classes:
        shape = ", ".join(["N", *(str(size) for size in outputs.shape[1:])])
        raise UserError(f"the model gives outputs of shape ({shape}); right would be (N, {num_classes}), logits")


def describe_model(name: str, model: nn.Module, flops: int | None = None) -> ModelInfo:
    """Describe the model's size and source for the record."""
    return ModelInfo(
        name=name,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        train_flops_per_image=flops,
        source_sha256=source_sha256(name),
    )


def _left_out(history: History, build: ModelBuilder) -> dict[str, str]:
    """Collect what this model does without, each with the reason."""
    formats = {"channels_last": reason_text(build.format_reason)} if build.format_reason else {}
    return formats | history.execution.left_out


def _weights(model: nn.Module, left_out: dict[str, str]) -> bytes:
    return _optional("weights", left_out, lambda: weight_bytes(model)) or b""


def _optional(name: str, left_out: dict[str, str], work: Callable[[], T]) -> T | None:
    """Do ``work``; where it fails, only that is lost, and ``left_out`` says why."""
    try:
        return work()
    except Exception as error:  # a model may do anything
        left_out[name] = reason_text(str(error) if isinstance(error, UncountedError) else error_text(error))
        return None


def pick_predictions(evaluation: Evaluation, data: DeviceData) -> Predictions:
    """Collect the predicted labels of all images, with the first right and the first wrong ones as examples."""
    confidence, predicted = (part.cpu().numpy() for part in evaluation.logits.softmax(dim=1).max(dim=1))
    labels = data.labels.cpu().numpy()
    right = np.flatnonzero(predicted == labels)[:EXAMPLES]
    wrong = np.flatnonzero(predicted != labels)[:EXAMPLES]
    chosen = np.concatenate([right, wrong])
    return Predictions(
        labels=labels.astype(np.uint8),
        predicted=predicted.astype(np.uint8),
        example_index=chosen,
        example_images=data.images[torch.from_numpy(chosen)].squeeze(1).cpu().numpy(),
        example_confidence=confidence[chosen],
    )
