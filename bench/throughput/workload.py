"""The measured workload: one model as the harness would train it on one device."""

from dataclasses import dataclass

import torch
from torch import nn

from bench.data import datasets
from bench.data.registry import MNIST
from bench.recipes.recipe import ARTICLE, Recipe
from bench.runner.workers.worker import load_source
from bench.throughput.frameworks.registry import Task
from bench.training.epoch_loop import RunEpoch, prepare_epochs
from bench.training.model.initial import ModelBuilder
from bench.training.pipeline import DeviceData, to_device
from bench.training.precision import set_matrix_precision


@dataclass(frozen=True)
class Workload(Task):
    """A task as the harness runs it."""

    @property
    def recipe(self) -> Recipe:
        """The article's recipe at this precision."""
        return ARTICLE.changed(precision=self.precision)

    def prepare(self) -> tuple[nn.Module, DeviceData]:
        """Set this process up as training does; gives the model with its initial weights, and all training images."""
        load_source(self.source)
        torch.set_num_threads(self.threads)
        set_matrix_precision(self.precision)
        device = torch.device(self.device)
        split, _ = datasets.load(MNIST, self.data_dir)
        data = to_device(split.images, split.labels, device)
        return self.builder().train(), data

    @property
    def builder(self) -> ModelBuilder:
        """The builder of its model, on its device."""
        return ModelBuilder(self.model, MNIST.num_classes, seed=0, device=torch.device(self.device))

    def epochs(self, model: nn.Module, data: DeviceData, batch_size: int) -> RunEpoch:
        """Prepare training on ``data`` in batches of that size, warmed up; gives the function that runs an epoch."""
        recipe = self.recipe.changed(batch_size=batch_size)
        return prepare_epochs(model, recipe, data, self.builder).run
