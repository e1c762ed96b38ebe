"""Probe of the model's features: how good they are, and how much of that was learnt.

The same softmax head is trained on the frozen features of the trained model and on those of the same model with its
initial, random weights. A model without a hidden layer has the pixels themselves for features; beside those stands
HOG, features that a human designed (Dalal and Triggs 2005).
"""

import numpy as np
import torch
from skimage.feature import hog
from torch import nn

from bench.probes.activations import feature_layer, first_layer, layer_inputs, peak_activations
from bench.probes.linear_probe import RECIPE, linear_probe_predictions
from bench.probes.trained_model import Examples, TrainedModel
from bench.records.probes import ProbeOutput
from bench.training.model.initial import initial_model

HOG = {"orientations": 9, "pixels_per_cell": (4, 4), "cells_per_block": (2, 2), "block_norm": "L2-Hys"}
FILTERS = 12
STRONGEST = 4


def measure(trained: TrainedModel) -> ProbeOutput:
    """Measure test accuracy of the head on ``trained`` and ``random`` features, or on ``pixels`` and ``hog``.

    With each pair come the shares of test images right in one of the two alone, and the ``dimension``. As arrays:
    ``filters`` of the first layer, float32 ``(K, h, w)``, and for each the test images that excite it most,
    ``strongest`` uint8 ``(K, 4, 28, 28)``.
    """
    layer = feature_layer(trained.model)
    if layer is None:
        return ProbeOutput({}, {"layer": "none: the model has no linear layer"})
    layers = [module for module in trained.model.modules() if next(module.parameters(recurse=False), None) is not None]
    if layers == [layer.module]:
        numbers, notes = _of_pixels(trained), {"layer": "pixels", "hog": _hog_words()}
    else:
        numbers, notes = _of_layer(trained, layer.name), {"layer": layer.words}
    return ProbeOutput(numbers, notes | {"head": RECIPE}, _pictures(trained))


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


def _of_layer(trained: TrainedModel, name: str) -> dict[str, float]:
    untrained = initial_model(trained.trial.model, trained.num_classes, trained.trial.seed, trained.device)
    right, width = [], 0
    for model in (trained.model, untrained):
        train, test = (_features(trained, model, name, part.images) for part in _parts(trained))
        right.append(_right(trained, train, test))
        width = train.shape[1]
    return _pair("trained", right[0], "random", right[1]) | {"dimension": float(width)}


def _parts(trained: TrainedModel) -> tuple[Examples, Examples]:
    return trained.train, trained.test


def _features(trained: TrainedModel, model: nn.Module, name: str, images: np.ndarray) -> torch.Tensor:
    return layer_inputs(model.get_submodule(name), model, images, trained.recipe, trained.device)


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


def _pictures(trained: TrainedModel) -> dict[str, np.ndarray]:
    layer = first_layer(trained.model)
    if layer is None:
        return {}
    weights = layer.weight.detach().float().cpu().numpy()[:FILTERS]
    if isinstance(layer, nn.Linear) and layer.in_features != trained.test.images[0].size:
        return {}
    filters = weights.reshape(-1, 28, 28) if isinstance(layer, nn.Linear) else weights.mean(axis=1)
    peaks = peak_activations(layer, trained.model, trained.test.images, trained.recipe, trained.device)[:, :FILTERS]
    best = peaks.topk(min(STRONGEST, len(peaks)), dim=0).indices.T.cpu().numpy()
    return {"filters": filters, "strongest": trained.test.images[best]}
