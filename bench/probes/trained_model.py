"""A trained model loaded from its stored weights, with the data for its probes."""

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

REMEDY = "remove the file and the model is trained again"


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
    """A model with its stored weights on ``device``, and the examples it is evaluated on (``test``).

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


def load_weights(path: Path, model: nn.Module) -> None:
    """Load the weights in ``path`` into ``model``.

    Raises:
        UserError: they cannot be read, or are those of another architecture.
    """
    try:
        weights = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f"the weights {path.name} are damaged ({one_line(str(error))}); {REMEDY}") from error
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if {name: tensor.shape for name, tensor in weights.items()} != expected:
        raise UserError(f"the weights {path.name} are those of another architecture; {REMEDY}")
    model.load_state_dict(weights)
