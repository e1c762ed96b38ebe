from itertools import combinations

import numpy as np

from bench.analysis import stats
from tests.benchmarks.conftest import Measure

MODELS, SEEDS, IMAGES, DRAWS = 3, 10, 10_000, 1000


def test_verdicts(measure: Measure) -> None:
    correct = np.random.default_rng(0).random((MODELS, SEEDS, IMAGES)) < 0.98

    def verdicts() -> None:
        tests = [stats.paired_test(correct[a], correct[b]) for a, b in combinations(range(MODELS), 2)]
        stats.decide_verdicts(tests, [SEEDS] * len(tests))

    measure(verdicts, rounds=15, threshold=0.2, models=MODELS, seeds=SEEDS, images=IMAGES)


def test_bootstrap(measure: Measure) -> None:
    correct = np.random.default_rng(0).random((MODELS * SEEDS, IMAGES)) < 0.98

    def bootstrap() -> None:
        random = np.random.default_rng(1)
        drawn = np.split(stats.resample_images(correct, random, DRAWS), MODELS)
        for a, b in combinations(drawn, 2):
            stats.two_way_bootstrap(a, b, random)

    measure(bootstrap, rounds=7, threshold=0.15, models=MODELS, seeds=SEEDS, images=IMAGES, draws=DRAWS)
