"""Find the feature layer of a model, and compute the inputs and activations of a layer."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from bench.recipes.recipe import Recipe
from bench.training.evaluate import BATCH_SIZE
from bench.training.pipeline import normalise


@dataclass(frozen=True)
class FeatureLayer:
    """The linear layer whose inputs are a model's features, with its name and a description of the inputs."""

    name: str
    module: nn.Linear
    words: str


def feature_layer(model: nn.Module) -> FeatureLayer | None:
    """Find the feature layer: the first linear layer after convolutions, else the last; None where there is none."""
    linear = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        return None
    convolves = any(isinstance(module, nn.Conv2d) for module in model.modules())
    name, module = linear[0] if convolves else linear[-1]
    kind = "output of the conv stack" if convolves else "last hidden layer"
    return FeatureLayer(name, module, f"{kind} (input of layer {name})")


def first_layer(model: nn.Module) -> nn.Linear | nn.Conv2d | None:
    """Find the first layer with weights; None if it is neither linear nor a convolution."""
    with_weights = (module for module in model.modules() if next(module.parameters(recurse=False), None) is not None)
    first = next(with_weights, None)
    return first if isinstance(first, nn.Linear | nn.Conv2d) else None


def layer_inputs(
    layer: nn.Module, model: nn.Module, images: np.ndarray, recipe: Recipe, device: torch.device
) -> torch.Tensor:
    """Compute the inputs of ``layer`` for uint8 ``images`` ``(N, 28, 28)``: float32 ``(N, D)`` on ``device``."""
    return torch.cat([part.flatten(1) for part in _hook_outputs(layer, model, images, recipe, device, of_input=True)])


def peak_activations(
    layer: nn.Module, model: nn.Module, images: np.ndarray, recipe: Recipe, device: torch.device
) -> torch.Tensor:
    """Compute the largest value of each unit or channel of ``layer`` for each image: float32 ``(N, K)``."""
    outputs = _hook_outputs(layer, model, images, recipe, device, of_input=False)
    return torch.cat([part.flatten(2).amax(2) if part.dim() > 2 else part for part in outputs])


@torch.inference_mode()
def _hook_outputs(
    layer: nn.Module, model: nn.Module, images: np.ndarray, recipe: Recipe, device: torch.device, of_input: bool
) -> Iterator[torch.Tensor]:
    tensors: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda _, inputs, output: tensors.append(inputs[0] if of_input else output))
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(images), BATCH_SIZE):
            batch = torch.from_numpy(images[start : start + BATCH_SIZE]).unsqueeze(1).to(device)
            model(normalise(batch, recipe))
            yield tensors.pop().float()
    finally:
        handle.remove()
        model.train(was_training)
