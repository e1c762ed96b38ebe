"""Three seeds of the CNN, hand-written, for one side of a comparison."""

from typing import Any

from bench.records.schema import Run
from tests.support.factories import make_run

EPOCH_S = (10.0, 10.2, 9.9)


def cnn(slower: float = 1.0, accuracy: float = 0.99, seeds: int = 3, **changes: Any) -> list[Run]:
    return [
        make_run("cnn", seed, accuracy, EPOCH_S[seed] * slower * (1 + (slower != 1) * seed / 500), **changes)
        for seed in range(seeds)
    ]
