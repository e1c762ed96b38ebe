"""Draws of recipes: the same whenever made, independent of each other, inside the stated ranges."""

from dataclasses import replace

import numpy as np
import pytest

from bench.recipes.files import check_recipe
from bench.tuning.space import BEST, SPRINT, Space


@pytest.mark.parametrize("space", [BEST, SPRINT], ids=lambda space: space.name)
def test_every_draw_is_a_recipe_inside_the_ranges(space: Space) -> None:
    recipes = [space.draw(0, number) for number in range(300)]
    for recipe in recipes:
        low, high = dict(space.log_learning_rate)[recipe.optimizer]
        assert low * 0.99 <= recipe.learning_rate <= high * 1.01
        assert space.epochs[0] <= recipe.epochs <= space.epochs[1]
        assert recipe.batch_size in space.batch_sizes
        assert (recipe.others is not None) == (recipe.optimizer == "muon")
        assert recipe.augmentation.shift <= space.shift
        assert space.distort or not recipe.augmentation.rotation
    assert {recipe.optimizer for recipe in recipes} == {name for name, _ in space.log_learning_rate}
    assert {recipe.schedule for recipe in recipes} == set(space.schedules)
    for recipe in recipes[:20]:  # torch takes a step by each of them
        check_recipe({name: value for name, value in recipe.model_dump(mode="json").items() if value is not None})


def test_a_draw_is_settled_by_seed_and_number_alone() -> None:
    assert BEST.draw(3, 7) == BEST.draw(3, 7)
    assert BEST.draw(3, 7) != BEST.draw(3, 8)
    assert BEST.draw(3, 7) != BEST.draw(4, 7)


def test_learning_rates_are_uniform_in_their_logarithm() -> None:
    rates = [np.log10(recipe.learning_rate) for recipe in (BEST.draw(1, number) for number in range(600))
             if recipe.optimizer in ("adam", "adamw")]  # fmt: skip
    counts, _ = np.histogram(rates, bins=4, range=(-4, -2))
    assert counts.min() > 0.7 * counts.mean()


def test_any_other_range_is_another_space() -> None:
    assert len({BEST.id, SPRINT.id, replace(BEST, shift=2).id, replace(BEST, epochs=(2, 11)).id}) == 4
