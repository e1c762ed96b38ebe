"""What is measured: one model as the harness would train it on one device."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from bench import datasets
from bench.pipeline import DeviceData, to_device
from bench.precision import set_matrix_precision
from bench.recipes import ARTICLE, Recipe
from bench.steps import Step, choose_method
from bench.train import batches_of_each_size
from bench.trials import initial_model

DATASET = datasets.DATASETS["mnist"]


@dataclass(frozen=True)
class Subject:
    """A model by name, and the conditions it is measured under; can be sent to another process."""

    model: str
    device: str
    precision: str
    threads: int
    data_dir: Path

    @property
    def recipe(self) -> Recipe:
        return dataclasses.replace(ARTICLE, precision=self.precision)

    def prepare(self) -> tuple[nn.Module, DeviceData]:
        """Set this process up as training does; the model with its initial weights, and all training images."""
        torch.set_num_threads(self.threads)
        set_matrix_precision(self.precision)
        device = torch.device(self.device)
        split, _ = datasets.load(DATASET, self.data_dir)
        data = to_device(split.images, split.labels, device)
        return initial_model(self.model, DATASET.num_classes, seed=0, device=device).train(), data

    def step(self, model: nn.Module, data: DeviceData, batch_size: int) -> Step:
        """The step that training would take on ``data`` in batches of that size."""
        return choose_method(model, self.recipe, batches_of_each_size(data, batch_size)).step(model, self.recipe)
