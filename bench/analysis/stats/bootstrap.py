"""Bootstrap of the accuracy over test images and seeds: a description beside the test, never the verdict."""

import math

import numpy as np

from bench.analysis.stats.intervals import Interval


def resample_images(
    correct: np.ndarray, random: np.random.Generator, draws: int = 10_000, chunk: int = 500
) -> np.ndarray:
    """Compute the accuracy of each run on test sets drawn with replacement from its test images.

    Args:
        correct: right or wrong, bool or 0/1, of shape ``(R, N)``; all runs see the same draws.
        chunk: draws made at a time, so that the counts fit into memory.

    Returns:
        float32 of shape ``(R, draws)``.
    """
    # Images that the same runs got right are alike, and there are far fewer kinds of images than images.
    kinds, counts = np.unique(np.asarray(correct, dtype=bool), axis=1, return_counts=True)
    right, images = kinds.astype(np.float32), int(counts.sum())
    accuracies = np.empty((len(right), draws), dtype=np.float32)
    for start in range(0, draws, chunk):
        size = min(chunk, draws - start)
        drawn = random.multinomial(images, counts / images, size=size).astype(np.float32)
        accuracies[:, start : start + size] = right @ drawn.T / images
    return accuracies


def two_way_bootstrap(
    first: np.ndarray, second: np.ndarray, random: np.random.Generator, confidence: float = 0.95
) -> Interval:
    """Percentile interval of the accuracy difference, both seeds and test images resampled.

    A description and not the verdict: over few seeds it is too narrow. NaN bounds under two seeds.

    Args:
        first, second: of shape ``(S, draws)`` from :func:`resample_images`, row s of both the same seed.
    """
    seeds, draws = first.shape
    if first.shape != second.shape or seeds < 2 or draws < 1:
        return Interval(math.nan, math.nan)
    times_drawn = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws)
    differences = ((first - second).T * times_drawn).sum(axis=1) / seeds
    low, high = np.quantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))
