"""A trained model taken from its stored weights, with the data it is asked about."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import nn

from bench.common.errors import UserError, one_line
from bench.recipes.recipe import Recipe
from bench.records.schema import Trial
from bench.training.evaluate import Evaluation, evaluate
from bench.training.pipeline import to_device

AGAIN = "remove the file and the model is trained again"


@dataclass(frozen=True)
class Examples:
    """``images`` uint8 of shape ``(N, 28, 28)`` and ``labels`` int64 of shape ``(N,)``, both in memory."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> "Examples":
        return Examples(self.images[:count], self.labels[:count])


@dataclass(frozen=True)
class TrainedModel:
    """A model with its stored weights on ``device``, and the examples it is asked about (``test``).

    ``train`` are those a probe may train on itself: the first of what the model was trained on, or all of it.
    ``data_dir`` is where a probe may keep what it need not compute twice.
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
        """The model was trained on the very examples a probe may train on, so it need not be trained again."""
        return len(self.train) == self.trial.train_size

    def evaluate(self, images: np.ndarray, model: nn.Module | None = None) -> Evaluation:
        """Of this model, or another on the same device, on ``images``, each made of the test image in its place."""
        labels = torch.from_numpy(self.test.labels[: len(images)])
        return evaluate(model or self.model, to_device(torch.from_numpy(images), labels, self.device), self.recipe)

    def accuracy(self, images: np.ndarray) -> float:
        """Of the model on ``images``, uint8 of the same shape and order as its own test images."""
        return self.evaluate(images).accuracy

    def probabilities(self, images: np.ndarray) -> torch.Tensor:
        """What the model gives each class for each of ``images``: float32 ``(N, num_classes)`` on the device."""
        return self.evaluate(images).logits.softmax(dim=1)

    def right(self, images: np.ndarray, model: nn.Module | None = None) -> np.ndarray:
        """Which of ``images`` are classified rightly: bool of shape ``(N,)``."""
        answers = self.evaluate(images, model).logits.argmax(dim=1).cpu().numpy()
        return np.asarray(answers == self.test.labels)


def load_weights(path: Path, model: nn.Module) -> None:
    """Put the weights in ``path`` into ``model``.

    Raises:
        UserError: they cannot be read, or are those of another architecture.
    """
    try:
        weights = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f"the weights {path.name} are damaged ({one_line(str(error))}); {AGAIN}") from error
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if {name: tensor.shape for name, tensor in weights.items()} != expected:
        raise UserError(f"the weights {path.name} are those of another architecture; {AGAIN}")
    model.load_state_dict(weights)
