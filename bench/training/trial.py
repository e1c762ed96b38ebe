"""Execute one trial, from its description to its result, in this process. Writes nothing to disk."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import nn

from bench.data import datasets
from bench.recipes.recipe import RECIPES, Recipe
from bench.records.schema import Clock, Epoch, Execution, Memory, ModelInfo, Result, Trial
from bench.records.storage import Predictions
from bench.training.devices import resolve_device
from bench.training.evaluate import Evaluation
from bench.training.flops import train_flops_per_image
from bench.training.memory import measure_memory
from bench.training.pipeline import DeviceData, to_device
from bench.training.precision import check_precision, set_matrix_precision
from bench.training.timing import Clocks, TimeSource
from bench.training.train import seed_streams, train
from models import create_model, source_sha256

EXAMPLES = 12

OnEpoch = Callable[[Epoch], None]


@dataclass(frozen=True)
class TrialResult:
    """A finished trial: the parts of its record that only the worker knows, and its artifacts."""

    model: ModelInfo
    result: Result
    execution: Execution
    clock: Clock
    memory: Memory
    predictions: Predictions
    weights: bytes


def recipe_of(trial: Trial) -> Recipe:
    """The trial's recipe with the trial's own settings in it."""
    return dataclasses.replace(
        RECIPES[trial.recipe],
        epochs=trial.epochs,
        batch_size=trial.batch_size,
        precision=trial.precision,
    )


def execute(
    trial: Trial, data_dir: Path, on_epoch: OnEpoch, startup_s: float = 0.0, now: TimeSource = time.perf_counter
) -> TrialResult:
    """Train and evaluate as ``trial`` describes.

    Args:
        startup_s: seconds that process start and imports took, if this trial is the one that had to wait for them.

    Raises:
        DivergedError: a loss is not finite.
        UserError: the data cannot be read, or the device cannot do it.
    """
    start = now()
    device = torch.device(resolve_device(trial.device))
    recipe = recipe_of(trial)
    check_precision(recipe.precision, device)
    torch.set_num_threads(trial.threads)
    set_matrix_precision(recipe.precision)
    clocks = Clocks(device, now)
    with clocks.measure("setup"):
        dataset = datasets.find_dataset(trial.dataset)
        train_split, test_split = datasets.load(dataset, data_dir)
        train_data = to_device(train_split.images[: trial.train_size], train_split.labels[: trial.train_size], device)
        test_data = to_device(test_split.images, test_split.labels, device)
        model = initial_model(trial.model, dataset.num_classes, trial.seed, device)
        info = describe_model(trial.model, model)
    history = train(model, recipe, train_data, test_data, trial.seed, clocks, on_epoch)
    total_s = now() - start + startup_s
    return TrialResult(
        model=info,
        result=Result(
            test_accuracy=history.final.accuracy,
            test_loss=history.final.loss,
            test_size=len(test_data),
            train_images_per_s=len(train_data) * recipe.epochs / clocks.total("train"),
        ),
        execution=history.execution,
        clock=Clock(
            startup_s=startup_s,
            setup_s=clocks.total("setup"),
            warmup_s=clocks.total("warmup"),
            train_s=clocks.total("train"),
            eval_s=clocks.total("eval"),
            total_s=total_s,
        ),
        memory=measure_memory(device),
        predictions=pick_predictions(history.final, test_data),
        weights=safetensors.torch.save(portable_weights(model)),
    )


def initial_model(name: str, num_classes: int, seed: int, device: torch.device) -> nn.Module:
    """Make the model with the seed's weights, drawn on the CPU so that they are the same on every device."""
    torch.manual_seed(seed_streams(seed).weights)
    # Convolutions are faster with the channel axis last; other layers are not touched by it.
    return create_model(name, num_classes).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def describe_model(name: str, model: nn.Module) -> ModelInfo:
    """Describe the model's size, cost and source for the record."""
    return ModelInfo(
        name=name,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        train_flops_per_image=train_flops_per_image(model),
        source_sha256=source_sha256(name),
    )


def portable_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Copy the state dict to the CPU in torch's standard memory layout."""
    return {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}


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
