"""A trained model, with the data for its probes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bench.recipes.recipe import Recipe
from bench.records.schema import Trial
from bench.training.evaluate import Evaluation, evaluate
from bench.training.model.initial import initial_model
from bench.training.model.seeds import seed_generators
from bench.training.pipeline import normalise, to_device


@dataclass(frozen=True)
class Examples:
    """Labelled images in memory: ``images`` uint8 of shape ``(N, 28, 28)`` and ``labels`` int64 of shape ``(N,)``."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> "Examples":
        return Examples(self.images[:count], self.labels[:count])


@dataclass(frozen=True)
class TrainedModel:
    """A model with its trained weights on ``device``, and the examples it is evaluated on (``test``).

    ``train`` are those a probe may train on itself: the first of what the model was trained on, or all of it.
    ``data_dir`` is the folder where a probe may cache what it need not compute twice.
    """

    model: nn.Module
    trial: Trial
    recipe: Recipe
    num_classes: int
    device: torch.device
    train: Examples
    test: Examples
    data_dir: Path

    @property
    def trained_on_all(self) -> bool:
        """Whether the model was trained on the very examples a probe may train on, so it need not be trained again."""
        return len(self.train) == self.trial.train_size

    def evaluate(self, images: np.ndarray, model: nn.Module | None = None) -> Evaluation:
        """Evaluate this model, or another on the same device, on ``images``: the test images, distorted or not."""
        labels = torch.from_numpy(self.test.labels[: len(images)])
        return evaluate(model or self.model, to_device(torch.from_numpy(images), labels, self.device), self.recipe)

    def accuracy(self, images: np.ndarray) -> float:
        """Compute the accuracy on ``images``, uint8 of the same shape and order as the test images."""
        return self.evaluate(images).accuracy

    def probabilities(self, images: np.ndarray) -> torch.Tensor:
        """Compute the probability of each class for each of ``images``: float32 ``(N, num_classes)`` on the device."""
        return self.evaluate(images).logits.softmax(dim=1)

    def right(self, images: np.ndarray, model: nn.Module | None = None) -> np.ndarray:
        """Find which of ``images`` are classified correctly: bool of shape ``(N,)``."""
        predicted = self.evaluate(images, model).logits.argmax(dim=1).cpu().numpy()
        return np.asarray(predicted == self.test.labels)

    def untrained(self) -> nn.Module:
        """Build the model with the initial weights of its seed; the first batch has been through one that needs it."""
        model = initial_model(self.trial.model, self.num_classes, self.trial.seed, self.device)
        if _tensor_names(model) != _tensor_names(self.model):
            first = torch.from_numpy(self.train.images[: self.recipe.batch_size]).unsqueeze(1).to(self.device)
            seed_generators(self.trial.seed)  # as in training: what is built now draws from them
            with torch.no_grad():
                model.train()(normalise(first, self.recipe))
        return model


def _tensor_names(model: nn.Module) -> set[str]:
    """Names of the tensors that have values: those of layers that are built at the first batch have none before."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return {name for name, tensor in tensors if not torch.nn.parameter.is_lazy(tensor)}
