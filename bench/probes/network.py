"""Extract a model's layers, which a page can compute, with half-precision weights.

They are exported only if they predict as the model does: the layers are evaluated with the weights as they will be
stored, and compared with the model's own probabilities.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import fx, nn

from bench.probes.trained_model import TrainedModel
from bench.records.network_export import Layer, names_at, to_text
from bench.records.probes import ProbeOutput
from bench.training.evaluate import BATCH_SIZE
from bench.training.pipeline import normalise

MOST_WEIGHTS = 650_000
"""More would not fit into a page of 2 MB: two bytes each, a third more as text."""
TOLERANCE = 5e-3
"""Largest deviation of a probability; half of what the page is tested to."""
LONGEST = 150
"""Characters that name a layer; some of torch's hold many others."""

AS_MODULES: dict[Any, Callable[..., nn.Module]] = {
    F.relu: nn.ReLU,
    torch.relu: nn.ReLU,
    "relu": nn.ReLU,
    torch.tanh: nn.Tanh,
    "tanh": nn.Tanh,
    torch.flatten: nn.Flatten,
    "flatten": nn.Flatten,
    F.max_pool2d: nn.MaxPool2d,
    F.dropout: lambda *_, **__: nn.Identity(),
}
"""The modules that do what these functions and methods of a tensor do, given the same arguments but the first."""


class UnsupportedLayerError(Exception):
    """Part of a model that a page cannot compute; the message names it."""


def measure(trained: TrainedModel) -> ProbeOutput:
    """Export the layers as JSON in the note ``layers``, their weights as float16 arrays named by :func:`names_at`.

    Numbers: ``weights`` is their count, ``deviation`` the largest difference between a probability of the layers and
    of the model on the test images, ``pixel_mean`` and ``pixel_std`` normalise pixels in [0, 1]. Where the layers
    cannot be extracted, or predict otherwise than the model, the note ``left_out`` says why.
    """
    expected = trained.probabilities(trained.test.images)  # first: tracing calls the model with what is no image
    try:
        layers, arrays = extract_layers(trained.model)
    except UnsupportedLayerError as reason:
        return ProbeOutput({}, {"left_out": str(reason)})
    except Exception as error:  # a layer may be anything
        return ProbeOutput({}, {"left_out": f"its layers cannot be read: {type(error).__name__}"})
    numbers = {"weights": float(sum(array.size for array in arrays.values()))}
    if numbers["weights"] > MOST_WEIGHTS:
        return ProbeOutput(numbers, {"left_out": f"{numbers['weights']:,.0f} weights, a page holds {MOST_WEIGHTS:,}"})
    deviation = _deviation(trained, layers, arrays, expected)
    if deviation is None:
        return ProbeOutput(numbers, {"left_out": "its layers do not fit each other as a page would compute them"})
    if not deviation <= TOLERANCE:  # nor where it is NaN: a weight too large for half precision
        return ProbeOutput(numbers, {"left_out": f"in half precision a probability is off by {deviation:.3g}"})
    numbers |= {"deviation": deviation, "pixel_mean": trained.recipe.pixel_mean, "pixel_std": trained.recipe.pixel_std}
    return ProbeOutput(numbers, {"layers": to_text(layers)}, arrays)


def extract_layers(model: nn.Module) -> tuple[list[Layer], dict[str, np.ndarray]]:
    """Extract the layers of ``model`` in evaluation mode and their weights as float16.

    Raises:
        UnsupportedLayerError: it is no chain of layers, or one of them is of another kind than :class:`Layer` has.
    """
    layers, arrays = list[Layer](), dict[str, np.ndarray]()
    for module in _chain(model):
        layer = _layer(module)
        if layer is None:
            continue
        if layer.has_weights:
            weight, bias = names_at(len(layers))
            arrays[weight] = _half(module.weight)
            arrays[bias] = _half(torch.zeros(len(arrays[weight])) if module.bias is None else module.bias)
        layers.append(layer)
    return layers, arrays


def logits(layers: Sequence[Layer], arrays: Mapping[str, np.ndarray], pixels: torch.Tensor) -> torch.Tensor:
    """Compute the layers' logits in float32 for normalised ``pixels`` ``(N, 1, 28, 28)``: ``(N, num_classes)``."""
    for position, layer in enumerate(layers):
        weight, bias = (_float32(arrays.get(name), pixels.device) for name in names_at(position))
        match layer.kind:
            case "conv2d":
                pixels = F.conv2d(pixels, weight, bias, layer.stride, layer.padding)
            case "max_pool2d":
                pixels = F.max_pool2d(pixels, layer.size, layer.stride, layer.padding)
            case "linear":
                pixels = F.linear(pixels, weight, bias)
            case "flatten":
                pixels = pixels.flatten(1)
            case "relu":
                pixels = pixels.relu()
            case "tanh":
                pixels = pixels.tanh()
    return pixels


def _chain(model: nn.Module) -> list[nn.Module]:
    """List the modules that an image passes, in order."""
    was_training = model.training
    try:
        nodes = list(fx.symbolic_trace(model.eval()).graph.nodes)
    except Exception as error:  # whatever a model's own code raises when there is no image in it
        raise UnsupportedLayerError(f"it cannot be traced: {type(error).__name__}") from error
    finally:
        model.train(was_training)
    modules = []
    for before, node in pairwise(nodes):
        if node.all_input_nodes != [before]:
            raise UnsupportedLayerError("its layers are no chain")
        if node.op != "output":
            modules.append(_module(node, model))
    return modules


def _module(node: fx.Node, model: nn.Module) -> nn.Module:
    if node.op == "call_module":
        return model.get_submodule(str(node.target))
    name = getattr(node.target, "__name__", node.target)
    try:
        return AS_MODULES[node.target](*node.args[1:], **{k: v for k, v in node.kwargs.items() if k != "input"})
    except (KeyError, TypeError) as error:
        raise UnsupportedLayerError(f"it calls {name}") from error


def _layer(module: nn.Module) -> Layer | None:
    """Convert a module to a layer; None where it does nothing outside training."""
    match module:
        case nn.Dropout() | nn.Dropout1d() | nn.Dropout2d() | nn.Identity():
            return None
        case nn.ReLU():
            return Layer(kind="relu")
        case nn.Tanh():
            return Layer(kind="tanh")
        case nn.Linear():
            return Layer(kind="linear")
        case nn.Flatten(start_dim=1, end_dim=-1):
            return Layer(kind="flatten")
        case nn.MaxPool2d(ceil_mode=False, return_indices=False, dilation=1 | (1, 1)):
            size, padding = _pair(module.kernel_size), _pair(module.padding)
            return Layer(kind="max_pool2d", size=size, stride=_pair(module.stride), padding=padding)
        case nn.Conv2d(groups=1, dilation=(1, 1), padding_mode="zeros") if not isinstance(module.padding, str):
            return Layer(kind="conv2d", stride=_pair(module.stride), padding=_pair(module.padding))
    raise UnsupportedLayerError(f"it has a layer {' '.join(str(module).split())[:LONGEST]}")


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _half(weights: Any) -> np.ndarray:
    with np.errstate(over="ignore"):  # infinity then shows as a deviation
        return np.asarray(weights.detach().float().cpu().numpy().astype(np.float16))


def _float32(array: np.ndarray | None, device: torch.device) -> torch.Tensor:
    """Convert an array to a float32 tensor, empty where the layer has no weights."""
    return torch.empty(0) if array is None else torch.from_numpy(array.astype(np.float32)).to(device)


@torch.no_grad()
def _deviation(
    trained: TrainedModel, layers: Sequence[Layer], arrays: Mapping[str, np.ndarray], expected: torch.Tensor
) -> float | None:
    """Compute the largest difference from the ``expected`` probabilities; None where the layers give none at all."""
    parts = torch.split(torch.from_numpy(trained.test.images).unsqueeze(1), BATCH_SIZE)
    try:
        outputs = [logits(layers, arrays, normalise(part.to(trained.device), trained.recipe)) for part in parts]
        probabilities = torch.cat(outputs).softmax(dim=1)
    except (RuntimeError, IndexError):
        return None
    return float((probabilities - expected).abs().max()) if probabilities.shape == expected.shape else None
