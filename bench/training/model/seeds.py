"""One seed -> the random streams of a training run."""

import random
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class SeedStreams:
    """Independent random streams of one seed: for the weights (and dropout), the data order, and augmentation."""

    weights: int
    order: int
    augmentation: int


def seed_streams(seed: int) -> SeedStreams:
    """Split a seed, so that no two of them are drawn from the same numbers."""
    weights, order, augmentation = np.random.SeedSequence(seed).generate_state(3)
    return SeedStreams(int(weights), int(order), int(augmentation))


def seed_generators(seed: int) -> None:
    """Seed the global generators that a model may draw from: torch's, Python's and numpy's."""
    weights = seed_streams(seed).weights
    torch.manual_seed(weights)
    random.seed(weights)
    np.random.seed(weights)
