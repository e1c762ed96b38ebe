"""Follow images through a model in evaluation: which layers are called, with what, and which of them give features."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from bench.recipes.recipe import Recipe
from bench.training.evaluate import BATCH_SIZE
from bench.training.pipeline import normalise

FOLLOWED = 32
"""Number of images that are enough to see which layers are called; all that they pass is kept in memory."""
FIRST, LAST = 0, -1
"""Which of a layer's calls in one pass is meant, where there are several."""

_NORMS = _NormBase | nn.GroupNorm | nn.LayerNorm | nn.RMSNorm | nn.PReLU


class NoFeaturesError(Exception):
    """The inputs of a layer are no features of images; the message says why."""


@dataclass(frozen=True)
class Call:
    """A call of a layer: the first of its inputs, None without any, and its output, both as they were then."""

    name: str
    layer: nn.Module
    input: Any
    output: Any


@dataclass(frozen=True)
class ForwardPass:
    """The pass of one batch through a model: its normalised ``pixels``, and the calls of layers as they ended.

    Weights that are used without calling their layer leave no trace, as some of torch's attention do.
    """

    pixels: torch.Tensor
    calls: list[Call] = field(default_factory=list)

    def takes_pixels(self, call: Call) -> bool:
        """Tell whether the call was given each image as one vector, its pixels in order."""
        given, vectors = call.input, self.pixels.flatten(1)
        comparable = isinstance(given, torch.Tensor) and given.dim() > 1 and given.dtype == vectors.dtype
        return comparable and given.shape[-1] == vectors.shape[1] and torch.equal(given.flatten(1), vectors)


@dataclass(frozen=True)
class FeatureLayer:
    """The linear layer whose inputs are a model's features; ``which`` of its calls, and a description of the inputs."""

    call: Call
    which: int
    words: str


def forward_pass(model: nn.Module, images: np.ndarray, recipe: Recipe, device: torch.device) -> ForwardPass:
    """Follow a few of the uint8 ``images`` ``(N, 28, 28)`` through all layers that have weights of their own."""
    return next(_passes(_layers(model), model, images[:FOLLOWED], recipe, device))


def feature_layer(model: nn.Module, calls: list[Call]) -> FeatureLayer | None:
    """Find the feature layer: the first linear one after a stack of convolutions, else the last; None without any."""
    linear = [position for position, call in enumerate(calls) if _is_linear(call)]
    if not linear:
        return None
    if _is_conv_stack(model, calls, linear[0]):
        call, which, kind = calls[linear[0]], FIRST, "output of the conv stack"
    else:
        call, which, kind = calls[linear[-1]], LAST, "last hidden layer"
    return FeatureLayer(call, which, f"{kind} (input of layer {call.name or type(call.layer).__name__})")


def layer_inputs(
    name: str, model: nn.Module, images: np.ndarray, recipe: Recipe, device: torch.device, which: int = LAST
) -> torch.Tensor:
    """Compute the inputs of the layer of that name for uint8 ``images`` ``(N, 28, 28)``: float32 ``(N, D)``.

    Raises:
        NoFeaturesError: it is not called, or not with a row for each image.
    """
    parts = []
    for batch in _passes({name: model.get_submodule(name)}, model, images, recipe, device):
        if not batch.calls:
            raise NoFeaturesError(f"layer {name} is not called for all images")
        parts.append(_rows(batch.calls[which], len(batch.pixels)))
    return torch.cat(parts)


def peak_activations(
    layer: nn.Module, model: nn.Module, images: np.ndarray, recipe: Recipe, device: torch.device
) -> torch.Tensor:
    """Compute the largest value of each unit or channel of ``layer`` for each image: float32 ``(N, K)``."""
    outputs = [batch.calls[FIRST].output.float() for batch in _passes({"": layer}, model, images, recipe, device)]
    return torch.cat([part.flatten(2).amax(2) if part.dim() > 3 else part.flatten(1) for part in outputs])


@torch.no_grad()  # not inference mode: a tensor that a model keeps from here must be of use in training
def _passes(
    layers: Mapping[str, nn.Module], model: nn.Module, images: np.ndarray, recipe: Recipe, device: torch.device
) -> Iterator[ForwardPass]:
    """Follow each batch of ``images`` through ``layers``, in evaluation mode; the mode the model had is restored."""
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(images), BATCH_SIZE):
            batch = torch.from_numpy(images[start : start + BATCH_SIZE]).unsqueeze(1).to(device)
            followed = ForwardPass(normalise(batch, recipe))
            with ExitStack() as hooks:
                for name, layer in layers.items():
                    record = partial(_record, followed.calls, name)
                    hooks.callback(layer.register_forward_hook(record, with_kwargs=True).remove)
                model(followed.pixels.clone())
            yield followed
    finally:
        model.train(was_training)


def _record(calls: list[Call], name: str, layer: nn.Module, positional: Any, named: Any, output: Any) -> None:
    given = next(iter((*positional, *named.values())), None)
    # copies: activation functions and residual sums may work in place
    values = [value.clone() if isinstance(value, torch.Tensor) else value for value in (given, output)]
    calls.append(Call(name, layer, *values))


def _rows(call: Call, count: int) -> torch.Tensor:
    given = call.input
    if not isinstance(given, torch.Tensor) or given.dim() < 2 or len(given) != count:
        raise NoFeaturesError(f"layer {call.name} is not given one row for each image")
    if given.is_complex():
        given = torch.view_as_real(given)
    return given.float().flatten(1)


def _layers(model: nn.Module) -> dict[str, nn.Module]:
    """Modules with weights of their own, by name; those that only compute the weights of another are no layers."""
    return {
        name: module
        for name, module in model.named_modules()
        if "parametrizations" not in name.split(".")
        and (isinstance(module, nn.Linear | _ConvNd) or next(module.parameters(recurse=False), None) is not None)
    }


def _is_linear(call: Call) -> bool:
    """Tell whether a linear layer's weights were multiplied with what it was given, not with what it made of that."""
    given, layer = call.input, call.layer
    return isinstance(layer, nn.Linear) and isinstance(given, torch.Tensor) and given.shape[-1] == layer.in_features


def _is_conv_stack(model: nn.Module, calls: list[Call], first_linear: int) -> bool:
    """Tell whether nothing but convolutions and norms has weights that work on the image before that linear layer."""
    convolutions = [position for position, call in enumerate(calls) if isinstance(call.layer, _ConvNd)]
    linear = [call.layer for call in calls if _is_linear(call)]
    others = [
        layer
        for layer in _layers(model).values()
        if not isinstance(layer, _ConvNd | _NORMS) and all(layer is not called for called in linear)
    ]
    return bool(convolutions) and convolutions[-1] < first_linear and not others
