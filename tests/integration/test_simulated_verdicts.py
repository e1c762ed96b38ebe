"""How often a verdict is wrong, and how often it is found, in simulated tables."""

import numpy as np
import pytest

from bench.analysis import stats


def simulated_table(
    random: np.random.Generator,
    seeds: int,
    seed_noise: float,
    image_noise: float,
    lead: float = 0,
    ease: float = 4,
    images: int = 2000,
) -> list[np.ndarray]:
    """Right and wrong of three models of the same skill (the first leads by ``lead`` in logits)."""
    difficulty = random.normal(ease, 2, images)
    tables = []
    for model in range(3):
        skill = random.normal(0, 1, (seeds, 1)) * seed_noise + random.normal(0, 1, images) * image_noise
        logits = difficulty + skill + (lead if model == 0 else 0)
        tables.append(random.random((seeds, images)) < 1 / (1 + np.exp(-logits)))
    return tables


def verdicts_of(tables: list[np.ndarray]) -> list[stats.Verdict]:
    pairs = [(0, 1), (0, 2), (1, 2)]
    return stats.decide_verdicts([stats.paired_test(tables[a], tables[b]) for a, b in pairs], [len(tables[0])] * 3)


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize(("seed_noise", "image_noise"), [(0.3, 0), (0, 2), (0.3, 2)])
def test_models_of_the_same_skill_are_rarely_told_apart(seeds: int, seed_noise: float, image_noise: float) -> None:
    random = np.random.default_rng([seeds, int(10 * seed_noise), int(image_noise)])
    wrong = sum(
        any(verdict.kind in ("better", "worse") for verdict in verdicts_of(table))
        for table in (simulated_table(random, seeds, seed_noise, image_noise) for _ in range(1000))
    )
    assert wrong <= 66


def test_a_true_half_point_at_five_seeds_is_found_in_most_tables() -> None:
    random = np.random.default_rng(5)
    count, differences = 0, []
    for _ in range(100):  # about 98.5 against 99.0 %, seeds of one model 0.1 points apart, as the CNN's are
        tables = simulated_table(random, 5, 0.1, 0.5, lead=0.47, ease=6, images=10_000)
        differences.append(tables[0].mean() - tables[1].mean())
        count += verdicts_of(tables)[0].kind == "better"
    assert np.mean(differences) == pytest.approx(0.005, abs=0.0015)
    assert count > 50
