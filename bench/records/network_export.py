"""A trained network as a plain list of layers with their weights, to be computed without torch.

The probe ``network`` extracts it from a model, the playground's page computes it in JavaScript.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from bench.records.fields import RecordPart

PROBE = "network"
"""The probe whose results hold a network."""

Pair = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
"""Vertical and horizontal, in pixels."""


class Layer(RecordPart):
    """A layer of the network; ``size`` is that of a pooling window, a convolution's follows from its weights."""

    kind: Literal["conv2d", "max_pool2d", "linear", "flatten", "relu", "tanh"]
    size: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)

    @property
    def has_weights(self) -> bool:
        """Whether the layer has arrays of weights and of a bias."""
        return self.kind in ("conv2d", "linear")


_LAYERS = TypeAdapter(tuple[Layer, ...])


def names_at(position: int) -> tuple[str, str]:
    """Names of the arrays that hold the weights and the bias of the layer at ``position``."""
    return f"weight_{position}", f"bias_{position}"


def to_text(layers: Sequence[Layer]) -> str:
    """Write the layers as JSON, for a record."""
    return _LAYERS.dump_json(tuple(layers), exclude_defaults=True).decode()


def from_text(text: str) -> tuple[Layer, ...]:
    """Parse the layers that :func:`to_text` wrote.

    Raises:
        ValueError: the text is no list of layers.
    """
    try:
        return _LAYERS.validate_json(text)
    except ValidationError as error:
        raise ValueError(f"no list of layers: {error.errors()[0]['msg']}") from error


def shape_after(
    layers: Sequence[Layer], arrays: Mapping[str, np.ndarray], shape: tuple[int, ...] = (1, 28, 28)
) -> tuple[int, ...]:
    """Compute the shape in which an image of ``shape``, channels first, leaves the network.

    Raises:
        ValueError: weights are missing or not finite, or a layer does not fit what reaches it.
    """
    for position, layer in enumerate(layers):
        shape = _after(layer, [arrays.get(name) for name in names_at(position)], shape)
    return shape


def _after(layer: Layer, weights: Sequence[np.ndarray | None], shape: tuple[int, ...]) -> tuple[int, ...]:
    misfit = ValueError(f"{layer.kind} does not fit {shape}")
    if layer.kind in ("relu", "tanh"):
        return shape
    if layer.kind == "flatten":
        return (int(np.prod(shape)),)
    if layer.kind == "max_pool2d":
        return (*shape[:1], *_window(shape, layer.size, layer, misfit))
    weight, bias = weights
    if weight is None or bias is None or not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError(f"{layer.kind} lacks finite weights")
    if weight.shape[1:2] != shape[:1] or bias.shape != weight.shape[:1] or weight.ndim != len(shape) + 1:
        raise misfit
    if layer.kind == "linear":
        if len(shape) != 1:
            raise misfit
        return (len(bias),)
    return (len(bias), *_window(shape, weight.shape[2:], layer, misfit))


def _window(shape: tuple[int, ...], size: tuple[int, ...], layer: Layer, misfit: ValueError) -> list[int]:
    if len(shape) != 3 or min(layer.stride) < 1 or min(size) < 1:
        raise misfit
    sides = zip(shape[1:], size, layer.stride, layer.padding, strict=True)
    after = [(side + 2 * padding - window) // stride + 1 for side, window, stride, padding in sides]
    if min(after) < 1:
        raise misfit
    return after
