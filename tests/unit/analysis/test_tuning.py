"""Tuning curves from random trials, and which trials a study has."""

import numpy as np
import pytest

from bench.analysis.tuning import collect_studies, tuning_curve
from tests.support.tuning import make_draw, make_tuned


def test_the_curve_is_the_median_of_the_best_of_so_many_and_its_band_holds_it() -> None:
    accuracies = list(np.random.default_rng(0).uniform(0.9, 0.99, 16))
    curve = tuning_curve(accuracies)
    assert curve.median[0] == pytest.approx(np.median(accuracies), abs=0.01)
    assert (np.diff(curve.median) >= 0).all()
    assert (curve.low <= curve.median).all()
    assert (curve.median <= curve.high).all()
    assert curve.median[-1] <= max(accuracies)


def test_the_band_holds_the_true_curve_in_as_many_studies_as_it_says() -> None:
    """Of 200 studies of 12 uniform draws the whole true curve lies within the band in 95 %, up to sampling error."""
    random = np.random.default_rng(1)
    numbers = np.arange(1, 13)
    truth = 0.5 ** (1 / numbers)  # the median of the best of n uniform draws
    held = 0
    for _ in range(200):
        curve = tuning_curve(list(random.uniform(0, 1, 12)))
        held += bool(((curve.low <= truth) & (truth <= curve.high)).all())
    assert held >= 180


def test_failed_trials_count_as_nothing_right_and_other_seeds_and_studies_do_not_count() -> None:
    draws = [make_draw(number, "random") for number in range(3)]
    records = [make_tuned(draw, accuracy=0.9 + draw.number / 100) for draw in draws[:2]]
    records.append(make_tuned(draws[2], status="diverged", accuracy=None))
    records.append(make_tuned(make_draw(3, "halving"), status="pruned", accuracy=None))
    seed = draws[1].trial.model_copy(update={"seed": 1})
    records.append(make_tuned(draws[1], role="final", trial=seed, accuracy=0.99))
    older = make_tuned(draws[0], study="1" * 16, accuracy=0.5)
    older = older.model_copy(update={"started_at": older.started_at.replace(year=2025)})
    (study,) = collect_studies([*records, older])
    assert study.random == [0.9, 0.91, 0.0]
    assert (study.count("random"), study.count("halving"), study.count("final")) == (3, 1, 1)
    assert study.best == 0.91
    assert study.seconds == 5
