"""Which recipe is chosen, and what is trained again before that."""

import pytest

from bench.common.errors import UserError
from bench.records.tuning import TunedEpoch
from bench.tuning.choice import FINAL_SEEDS, MARGIN, SPRINT_SEEDS, choose, next_finals
from bench.tuning.study import Study
from tests.support.tuning import make_draw, make_tuned


def study_of(*results: tuple[float, float]) -> Study:
    """A study of random trials with these accuracies and seconds of training."""
    draws = [make_draw(number, "random", epochs=1) for number in range(len(results))]
    records = [
        make_tuned(draw, epochs=[TunedEpoch(epoch=1, train_s=seconds, accuracy=accuracy)], accuracy=accuracy)
        for draw, (accuracy, seconds) in zip(draws, results, strict=True)
    ]
    return Study("0" * 16, "cnn", draws, records)


def train_finals(study: Study, goals: dict[str, float], by_number: dict[int, float]) -> list[int]:
    """Train again what the choice needs; gives the numbers in their order."""
    order = []
    while draws := next_finals(study, goals):
        for draw in draws:
            order.append(draw.number)
            study.add(make_tuned(draw, accuracy=by_number[draw.number]))
    return order


def test_the_best_of_one_seed_is_not_chosen_where_other_seeds_say_otherwise() -> None:
    study = study_of((0.990, 1), (0.993, 1), (0.992, 1), (0.980, 1), (0.991, 1))
    assert train_finals(study, {}, {1: 0.985, 2: 0.992, 4: 0.990}) == [1, 1, 2, 2, 4, 4]
    choice = choose(study, {})
    assert choice.chosen.number == 2
    assert choice.chosen.role == "random"
    assert choice.accuracy == pytest.approx(0.992)
    assert (choice.seeds, choice.trials, choice.reached) == (1 + len(FINAL_SEEDS), 5, None)


def test_a_sprint_takes_the_fastest_that_reaches_its_goal_over_the_seeds() -> None:
    goals = {"cnn": 0.99}
    study = study_of((0.995, 30), (0.9915, 5), (0.992, 10), (0.98, 1), (0.993, 20))
    order = train_finals(study, goals, {1: 0.989, 2: 0.9915})
    assert order == [1] * len(SPRINT_SEEDS) + [2] * len(SPRINT_SEEDS)  # the fastest falls short, the next does not
    choice = choose(study, goals)
    assert (choice.chosen.number, choice.reached, choice.seeds) == (2, True, 5)
    assert choice.accuracy >= 0.99 + MARGIN


def test_a_goal_that_no_recipe_reaches_is_said() -> None:
    goals = {"cnn": 0.999}
    study = study_of((0.99, 3), (0.98, 1))
    train_finals(study, goals, {0: 0.99, 1: 0.98})
    choice = choose(study, goals)
    assert (choice.chosen.number, choice.reached) == (0, False)


def test_where_nothing_came_to_its_end_nothing_is_chosen() -> None:
    draw = make_draw(0, "random", epochs=1)
    with pytest.raises(UserError, match="no trial of cnn has come to its end"):
        choose(Study("0" * 16, "cnn", [draw], [make_tuned(draw, status="error", accuracy=None)]), {})
