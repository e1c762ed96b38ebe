"""Which layer of a model holds its features, and what flows into a layer."""

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
    """The linear layer whose input are a model's features: its name and itself, and what its input is in words."""

    name: str
    module: nn.Linear
    words: str


def feature_layer(model: nn.Module) -> FeatureLayer | None:
    """With convolutions the first linear layer, without them the last; None where the model has none."""
    linear = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        return None
    convolves = any(isinstance(module, nn.Conv2d) for module in model.modules())
    name, module = linear[0] if convolves else linear[-1]
    kind = "output of the conv stack" if convolves else "last hidden layer"
    return FeatureLayer(name, module, f"{kind} (input of layer {name})")


def first_layer(model: nn.Module) -> nn.Linear | nn.Conv2d | None:
    """The first layer with weights, if it is linear or a convolution."""
    with_weights = (module for module in model.modules() if next(module.parameters(recurse=False), None) is not None)
    first = next(with_weights, None)
    return first if isinstance(first, nn.Linear | nn.Conv2d) else None


def layer_inputs(
    layer: nn.Module, model: nn.Module, images: np.ndarray, recipe: Recipe, device: torch.device
) -> torch.Tensor:
    """What reaches ``layer`` for uint8 ``images`` of shape ``(N, 28, 28)``: float32 ``(N, D)`` on ``device``."""
    return torch.cat([seen.flatten(1) for seen in _seen(layer, model, images, recipe, device, of_input=True)])


def peak_activations(
    layer: nn.Module, model: nn.Module, images: np.ndarray, recipe: Recipe, device: torch.device
) -> torch.Tensor:
    """The largest value each unit or channel of ``layer`` gives for each image: float32 ``(N, K)``."""
    outputs = _seen(layer, model, images, recipe, device, of_input=False)
    return torch.cat([seen.flatten(2).amax(2) if seen.dim() > 2 else seen for seen in outputs])


@torch.inference_mode()
def _seen(
    layer: nn.Module, model: nn.Module, images: np.ndarray, recipe: Recipe, device: torch.device, of_input: bool
) -> Iterator[torch.Tensor]:
    caught: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda _, taken, given: caught.append(taken[0] if of_input else given))
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(images), BATCH_SIZE):
            batch = torch.from_numpy(images[start : start + BATCH_SIZE]).unsqueeze(1).to(device)
            model(normalise(batch, recipe))
            yield caught.pop().float()
    finally:
        handle.remove()
        model.train(was_training)
