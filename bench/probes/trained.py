"""A trained model taken from its stored weights, with the test set it is asked about."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import nn

from bench import datasets
from bench.devices import resolve_device
from bench.evaluate import evaluate
from bench.pipeline import to_device
from bench.precision import set_matrix_precision
from bench.probe_records import ProbeTask
from bench.recipes import Recipe
from bench.trials import initial_model, recipe_of


@dataclass(frozen=True)
class Trained:
    """``images`` uint8 of shape ``(N, 28, 28)`` and their ``labels``, on the CPU; the model on its device.

    ``data_dir`` is where a probe may keep what it need not compute twice.
    """

    model: nn.Module
    recipe: Recipe
    device: torch.device
    images: np.ndarray
    labels: torch.Tensor
    data_dir: Path

    def accuracy(self, images: np.ndarray) -> float:
        """Of the model on ``images``, uint8 of the same shape and order as its own test images."""
        data = to_device(torch.from_numpy(images), self.labels, self.device)
        return evaluate(self.model, data, self.recipe).accuracy


def answer(task: ProbeTask, data_dir: Path) -> dict[str, float]:
    """Load the model, put the probe's question to it, and give its numbers by name.

    Raises:
        OSError, safetensors.SafetensorError: the weights cannot be read.
        RuntimeError: they are those of another architecture.
    """
    trial = task.trial
    device = torch.device(resolve_device(trial.device))
    torch.set_num_threads(trial.threads)
    set_matrix_precision(trial.precision)
    dataset = datasets.find_dataset(trial.dataset)
    _, test = datasets.load(dataset, data_dir)
    model = initial_model(trial.model, dataset.num_classes, trial.seed, device)
    model.load_state_dict(safetensors.torch.load_file(task.weights))
    trained = Trained(
        model=model,
        recipe=recipe_of(trial),
        device=device,
        images=test.images[: task.images].numpy(),
        labels=test.labels[: task.images],
        data_dir=data_dir,
    )
    measured: dict[str, float] = import_module(f"bench.probes.{task.probe}").measure(trained)
    return measured
