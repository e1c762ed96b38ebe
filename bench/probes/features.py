"""Probe of the model's features: how good they are, and how much of that was learnt.

The same softmax head is trained on the frozen features of the trained model and on those of the same model with its
initial, random weights. A model without a hidden layer has the pixels themselves for features; beside those stands
HOG, features that a human designed (Dalal and Triggs 2005).
"""

import numpy as np
import torch
from skimage.feature import hog
from torch import nn

from bench.probes.activations import (
    FeatureLayer,
    ForwardPass,
    NoFeaturesError,
    feature_layer,
    forward_pass,
    layer_inputs,
    peak_activations,
)
from bench.probes.linear_probe import RECIPE, linear_probe_predictions
from bench.probes.trained_model import Examples, TrainedModel
from bench.records.probes import ProbeOutput

HOG = {"orientations": 9, "pixels_per_cell": (4, 4), "cells_per_block": (2, 2), "block_norm": "L2-Hys"}
FILTERS = 12
STRONGEST = 4
NO_LINEAR = "the model has no linear layer"


def measure(trained: TrainedModel) -> ProbeOutput:
    """Measure test accuracy of the head on ``trained`` and ``random`` features, or on ``pixels`` and ``hog``.

    With each pair come the shares of test images right in one of the two alone, and the ``dimension``. As arrays:
    ``filters`` of the first layer, float32 ``(K, h, w)``, and for each the test images that excite it most,
    ``strongest`` uint8 ``(K, 4, 28, 28)``. Where there are no features, the note ``layer`` says why.
    """
    followed = forward_pass(trained.model, trained.test.images, trained.recipe, trained.device)
    layer = feature_layer(trained.model, followed.calls)
    if layer is None:
        linear = any(isinstance(module, nn.Linear) for module in trained.model.modules())
        return ProbeOutput({}, {"layer": f"none: {'no linear layer is called' if linear else NO_LINEAR}"})
    try:
        if _is_only_layer(layer, trained.model, followed) and followed.takes_pixels(layer.call):
            numbers, notes = _of_pixels(trained), {"layer": "pixels", "hog": _hog_words()}
        else:
            numbers, notes = _of_layer(trained, layer), {"layer": layer.words}
    except NoFeaturesError as reason:
        return ProbeOutput({}, {"layer": f"none: {reason}"})
    return ProbeOutput(numbers, notes | {"head": RECIPE}, _pictures(trained, followed))


def hog_features(images: np.ndarray) -> np.ndarray:
    """Compute histograms of oriented gradients of uint8 ``images`` ``(N, 28, 28)``: float32 ``(N, 1296)``."""
    return np.stack([hog(image, **HOG) for image in images]).astype(np.float32)


def _hog_words() -> str:
    cell, block = HOG["pixels_per_cell"][0], HOG["cells_per_block"][0]  # type: ignore[index]
    return (
        f"{HOG['orientations']} orientations, cells of {cell}x{cell} pixels, blocks of {block}x{block} cells, "
        f"{HOG['block_norm']}"
    )


def _of_pixels(trained: TrainedModel) -> dict[str, float]:
    pixels = [torch.from_numpy(part.images.reshape(len(part), -1) / np.float32(255)) for part in _parts(trained)]
    shapes = [torch.from_numpy(hog_features(part.images)) for part in _parts(trained)]
    on_pixels, on_hog = (_right(trained, *(part.to(trained.device) for part in pair)) for pair in (pixels, shapes))
    sizes = {"pixels_dimension": float(pixels[0].shape[1]), "hog_dimension": float(shapes[0].shape[1])}
    return _pair("pixels", on_pixels, "hog", on_hog) | sizes


def _of_layer(trained: TrainedModel, layer: FeatureLayer) -> dict[str, float]:
    right, width = [], 0
    for model in (trained.model, trained.untrained()):
        train, test = (_features(trained, model, layer, part.images) for part in _parts(trained))
        right.append(_right(trained, train, test))
        width = train.shape[1]
    return _pair("trained", right[0], "random", right[1]) | {"dimension": float(width)}


def _is_only_layer(layer: FeatureLayer, model: nn.Module, followed: ForwardPass) -> bool:
    """Tell whether the model has no other weights, and uses these once."""
    return len(followed.calls) == 1 and len([*model.parameters()]) == len([*layer.call.layer.parameters()])


def _parts(trained: TrainedModel) -> tuple[Examples, Examples]:
    return trained.train, trained.test


def _features(trained: TrainedModel, model: nn.Module, layer: FeatureLayer, images: np.ndarray) -> torch.Tensor:
    return layer_inputs(layer.call.name, model, images, trained.recipe, trained.device, layer.which)


def _right(trained: TrainedModel, train: torch.Tensor, test: torch.Tensor) -> np.ndarray:
    labels = torch.from_numpy(trained.train.labels).to(trained.device)
    predicted = linear_probe_predictions(train, labels, test, trained.num_classes, trained.trial.seed)
    return np.asarray(predicted.cpu().numpy() == trained.test.labels)


def _pair(first: str, right: np.ndarray, second: str, right_too: np.ndarray) -> dict[str, float]:
    return {
        first: float(right.mean()),
        second: float(right_too.mean()),
        f"{first}_alone": float((right & ~right_too).mean()),
        f"{second}_alone": float((right_too & ~right).mean()),
    }


def _pictures(trained: TrainedModel, followed: ForwardPass) -> dict[str, np.ndarray]:
    layer = _first_of_image(followed)
    if layer is None:
        return {}
    filters = layer.weight.detach().float().cpu().numpy()[:FILTERS]
    filters = filters.reshape(-1, 28, 28) if isinstance(layer, nn.Linear) else filters.squeeze(1)
    peaks = peak_activations(layer, trained.model, trained.test.images, trained.recipe, trained.device)[:, :FILTERS]
    best = peaks.topk(min(STRONGEST, len(peaks)), dim=0).indices.T.cpu().numpy()
    return {"filters": filters, "strongest": trained.test.images[best]}


def _first_of_image(followed: ForwardPass) -> nn.Linear | nn.Conv2d | None:
    """Find the first layer if its weights can be seen as pictures: torch's own layer, of one channel or of all pixels.

    A layer with a forward pass of its own may use its weights in another way.
    """
    layer = followed.calls[0].layer
    if isinstance(layer, nn.Linear) and type(layer).forward is nn.Linear.forward:
        seen = followed.takes_pixels(followed.calls[0])
    elif isinstance(layer, nn.Conv2d) and type(layer).forward is nn.Conv2d.forward:
        seen = layer.in_channels == 1
    else:
        return None
    return layer if seen and layer.weight.is_floating_point() else None
