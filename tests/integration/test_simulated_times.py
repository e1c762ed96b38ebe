"""Ratios of times on a simulated machine with two speeds, as shared ones have: how often the interval holds the truth.

The machine is slow for minutes and fast for minutes, about half of the time each. When it is slow, memory-bound work
takes 1.9 times as long. A suite of twenty minutes trains an MLP and a CNN over three seeds and measures its rounds
between the trials.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest

from bench.analysis.stats import paired_ratio

pytestmark = pytest.mark.slow

MINUTES = 20
TRIALS_S = 388.0, 12.0
"""Seconds of a trial of each model; three of each take the twenty minutes."""
STRETCH_S = 180.0
SLOW = 1.9
RATIO = 11.0
ROUNDS, PARTS = 32, 8
RUNS = 500

State = Callable[[float], bool]


def two_states(random: np.random.Generator) -> State:
    """Draw when the machine is slow; tells it for a time in seconds."""
    first = bool(random.random() < 0.5)
    changes = np.cumsum(random.exponential(STRETCH_S, 100))
    return lambda time: bool(first ^ (np.searchsorted(changes, time) % 2 == 1))


def jitter(random: np.random.Generator) -> float:
    """Draw what every measurement varies by: 2 %, and half as much again once in thirty."""
    return math.exp(random.normal(0, 0.02)) * (1 + random.exponential(0.5) * (random.random() < 1 / 30))


def rounds_in_turn(random: np.random.Generator, slow: State, slowdowns: tuple[float, float]) -> np.ndarray:
    """Simulate the rounds of a suite: seconds, of shape ``(2, rounds)``."""
    times = []
    for part in range(PARTS):
        for number in range(ROUNDS // PARTS):
            at = 60 * MINUTES * part / (PARTS - 1) + 0.5 * number
            times.append(
                [
                    base * (by if slow(at + 0.2 * place) else 1) * jitter(random)
                    for place, (base, by) in enumerate(zip((RATIO, 1.0), slowdowns, strict=True))
                ]
            )
    return np.array(times).T


def ratio_of_medians(random: np.random.Generator, slow: State, slowdowns: tuple[float, float]) -> float:
    """Simulate the epochs of three trials of each model, and compare their medians, as was done before."""
    epochs: tuple[list[float], list[float]] = ([], [])
    clock = 0.0
    for _ in range(3):
        for model, (base, by, train_s) in enumerate(zip((RATIO, 1.0), slowdowns, TRIALS_S, strict=True)):
            for epoch in range(10):
                at = clock + train_s * epoch / 10
                epochs[model].append(base * (by if slow(at) else 1) * jitter(random))
            clock += train_s
    return float(np.median(epochs[0]) / np.median(epochs[1]))


@pytest.mark.parametrize(
    "slowdowns", [(SLOW, SLOW), (1.3, SLOW)], ids=["both memory-bound", "one memory-bound, one arithmetic"]
)
def test_the_interval_holds_the_true_ratio_and_is_a_third_as_wide_as_before(slowdowns: tuple[float, float]) -> None:
    random = np.random.default_rng(0)
    held, widths, before = 0, [], []
    for _ in range(RUNS):
        slow = two_states(random)
        ratio = paired_ratio(*rounds_in_turn(random, slow, slowdowns))
        held += ratio.low <= RATIO <= ratio.high
        widths.append(math.log(ratio.high / ratio.low))
        before.append(math.log(ratio_of_medians(random, slow, slowdowns)))
    width_before = float(np.subtract(*np.quantile(before, [0.975, 0.025])))
    assert held >= 0.93 * RUNS
    assert np.median(widths) <= width_before / 3
    assert np.mean(widths) <= width_before / 3


def test_a_machine_of_one_speed_gives_an_interval_that_is_tight_and_right() -> None:
    random = np.random.default_rng(1)
    ratios = [paired_ratio(*rounds_in_turn(random, lambda _: False, (SLOW, SLOW))) for _ in range(RUNS)]
    assert sum(ratio.low <= RATIO <= ratio.high for ratio in ratios) >= 0.93 * RUNS
    assert np.median([ratio.high / ratio.low for ratio in ratios]) < 1.06
