"""Probe of calibration: whether a model that says 90 % is right nine times in ten."""

import numpy as np

from bench.probes.trained_model import TrainedModel
from bench.records.probes import ProbeOutput

BINS = 15


def measure(trained: TrainedModel) -> ProbeOutput:
    """Measure the expected calibration error ``ece``, and count, confidence and accuracy of each bin K with images.

    The fifteen bins, with ``count_K``, ``confidence_K`` and ``accuracy_K``, have equal width over the probability of
    the predicted label; the error is the mean over all test images of the gap between confidence and accuracy of
    their bin. Source: Guo et al. 2017, arXiv 1706.04599.
    """
    confidence, predicted = (part.cpu().numpy() for part in trained.probabilities(trained.test.images).max(dim=1))
    return ProbeOutput(binned(confidence, predicted == trained.test.labels))


def binned(confidence: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Compute the numbers of :func:`measure`; ``confidence`` in [0, 1] and ``right`` bool, both of shape ``(N,)``."""
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    numbers, error = dict[str, float](), 0.0
    for number in np.unique(bins):
        inside = bins == number
        mean, accuracy = float(confidence[inside].mean()), float(right[inside].mean())
        numbers |= {f"count_{number}": float(inside.sum())}
        numbers |= {f"confidence_{number}": mean, f"accuracy_{number}": accuracy}
        error += inside.mean() * abs(mean - accuracy)
    return {"ece": float(error)} | numbers
