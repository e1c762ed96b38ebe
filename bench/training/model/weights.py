"""A model's weights -> tensors in torch's standard memory layout on the CPU, and back into a model built anew."""

from collections.abc import Mapping

import safetensors.torch
import torch
from torch import nn

from bench.recipes.recipe import Recipe
from bench.training.pipeline import normalise


class WeightsMisfitError(Exception):
    """The weights are those of another architecture."""


def portable_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Copy the tensors of the state dict to the CPU; one tensor under two names becomes two."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in _tensors(model).items()}


def weight_bytes(model: nn.Module) -> bytes:
    """Store the weights as safetensors."""
    return safetensors.torch.save(portable_weights(model))


def load_weights(
    weights: Mapping[str, torch.Tensor], model: nn.Module, train_images: torch.Tensor, recipe: Recipe
) -> None:
    """Load tensors into ``model``.

    Args:
        train_images: uint8 ``(N, 1, 28, 28)`` on the model's device. A model that builds layers or buffers at the first
            batch is called with the first of them.

    Raises:
        WeightsMisfitError: the weights are those of another architecture.
    """
    shapes = {name: tensor.shape for name, tensor in weights.items()}
    for training in (True, False):  # some buffers are made in evaluation alone
        if _shapes(model) != shapes:
            with torch.no_grad():
                model.train(training)(normalise(train_images[: recipe.batch_size], recipe))
    if _shapes(model) != shapes:
        raise WeightsMisfitError("the weights are those of another architecture")
    model.load_state_dict(weights, strict=False)  # what is no tensor is not stored


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.state_dict().items() if isinstance(value, torch.Tensor)}


def _shapes(model: nn.Module) -> dict[str, torch.Size | None]:
    """Shapes by name; None for what is not built yet."""
    return {
        name: None if torch.nn.parameter.is_lazy(tensor) else tensor.shape for name, tensor in _tensors(model).items()
    }
