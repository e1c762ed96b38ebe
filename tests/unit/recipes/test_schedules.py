"""Learning rates over the steps, against torch's schedulers where torch has them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.recipes.recipe import ARTICLE
from bench.recipes.schedules import SCHEDULES, learning_rate_factors


def of_torch(make: type, steps: int, **options: object) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer, **options)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("warm_up", [0.15, 0.3, 0.55])
@pytest.mark.parametrize("steps", [10, 469, 1000])
def test_one_cycle_is_torchs(steps: int, warm_up: float) -> None:
    recipe = ARTICLE.changed(schedule="one_cycle", warm_up=warm_up)
    expected = of_torch(
        torch.optim.lr_scheduler.OneCycleLR,
        steps,
        max_lr=1.0,
        total_steps=steps,
        pct_start=warm_up,
        cycle_momentum=False,
    )
    assert learning_rate_factors(recipe, steps) == pytest.approx(expected, abs=1e-9)


def test_cosine_and_linear_are_torchs() -> None:
    cosine = of_torch(torch.optim.lr_scheduler.CosineAnnealingLR, 50, T_max=50)
    assert learning_rate_factors(ARTICLE.changed(schedule="cosine"), 50) == pytest.approx(cosine, abs=1e-9)
    linear = of_torch(torch.optim.lr_scheduler.LinearLR, 50, start_factor=1.0, end_factor=0.0, total_iters=50)
    assert learning_rate_factors(ARTICLE.changed(schedule="linear"), 50) == pytest.approx(linear, abs=1e-9)


def test_warm_up_rises_in_a_straight_line_to_the_full_rate() -> None:
    factors = learning_rate_factors(ARTICLE.changed(warm_up=0.4), 10)
    assert factors == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1, 1])


def test_the_articles_rate_stays() -> None:
    assert set(learning_rate_factors(ARTICLE, 4690)) == {1.0}


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 300), st.floats(0, 1))
def test_every_step_has_a_rate_between_nothing_and_the_recipes(name: str, steps: int, warm_up: float) -> None:
    factors = learning_rate_factors(ARTICLE.changed(schedule=name, warm_up=warm_up), steps)
    assert len(factors) == steps
    assert all(0 < factor <= 1 for factor in factors)
