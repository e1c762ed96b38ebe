"""One seed -> the random streams of a training run."""

import random
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class SeedStreams:
    """Two independent random streams of one seed: for the weights (and dropout), and for the data order."""

    weights: int
    order: int


def seed_streams(seed: int) -> SeedStreams:
    """Split a seed, so that initialisation and order are not drawn from the same numbers."""
    weights, order = np.random.SeedSequence(seed).generate_state(2)
    return SeedStreams(int(weights), int(order))


def seed_generators(seed: int) -> None:
    """Seed the global generators that a model may draw from: torch's, Python's and numpy's."""
    weights = seed_streams(seed).weights
    torch.manual_seed(weights)
    random.seed(weights)
    np.random.seed(weights)
