"""Which recipe is chosen, and what is trained again before that."""

from collections.abc import Sequence

import pytest

from bench.common.errors import UserError
from bench.records.machines import Machine
from bench.records.tuning import TunedEpoch
from bench.tuning.choice import FINAL_SEEDS, SPRINT_SEEDS, choose, margin, next_finals
from bench.tuning.study import Study
from tests.support.factories import MACHINE
from tests.support.tuning import make_draw, make_study, make_tuned


def study_of(*results: tuple[float, float], machines: Sequence[Machine] = ()) -> Study:
    """A study of random trials with these accuracies and seconds of training, on these machines where named."""
    draws = [make_draw(number, "random", epochs=1) for number in range(len(results))]
    records = [
        make_tuned(
            draw,
            epochs=[TunedEpoch(epoch=1, train_s=seconds, accuracy=accuracy)],
            accuracy=accuracy,
            machine=machines[draw.number] if machines else MACHINE,
        )
        for draw, (accuracy, seconds) in zip(draws, results, strict=True)
    ]
    return make_study(draws, records)


def train_finals(study: Study, goals: dict[str, float], by_number: dict[int, float | None]) -> list[int]:
    """Train again what the choice needs, with these accuracies, or none; gives the numbers in their order."""
    order = []
    while draws := next_finals(study, goals):
        for draw in draws:
            order.append(draw.number)
            accuracy = by_number[draw.number]
            status = "diverged" if accuracy is None else "done"
            study.add(make_tuned(draw, accuracy=accuracy, status=status))
    return order


def test_the_seed_that_a_draw_was_picked_for_has_no_part_in_the_choice() -> None:
    study = study_of((0.990, 1), (0.999, 1), (0.992, 1), (0.980, 1), (0.991, 1))
    assert train_finals(study, {}, {1: 0.989, 2: 0.992, 4: 0.990}) == [1, 1, 2, 2, 4, 4]
    choice = choose(study, {})
    assert (choice.chosen.number, choice.chosen.role) == (2, "random")
    assert choice.accuracy == pytest.approx(0.992)
    assert (choice.seeds, choice.trials, choice.reached) == (len(FINAL_SEEDS), 5, None)


def test_a_draw_that_fails_from_another_seed_counts_as_nothing_right() -> None:
    study = study_of((0.993, 1), (0.992, 1))
    train_finals(study, {}, {0: None, 1: 0.98})
    assert choose(study, {}).chosen.number == 1
    sprint = study_of((0.999, 1))
    train_finals(sprint, {"cnn": 0.99}, {0: None})
    assert choose(sprint, {"cnn": 0.99}).reached is False


def test_a_sprint_takes_the_fastest_that_reaches_its_goal_over_the_seeds() -> None:
    goals = {"cnn": 0.99}
    study = study_of((0.995, 30), (0.9915, 5), (0.992, 10), (0.98, 1), (0.993, 20))
    order = train_finals(study, goals, {1: 0.989, 2: 0.9915})
    assert order == [1] * len(SPRINT_SEEDS) + [2] * len(SPRINT_SEEDS)  # the fastest falls short, the next does not
    choice = choose(study, goals)
    assert (choice.chosen.number, choice.reached, choice.seeds) == (2, True, len(SPRINT_SEEDS))
    assert choice.accuracy >= 0.99 + margin(0.99, 5_000)


def test_the_most_accurate_is_tried_though_many_are_faster() -> None:
    goals = {"cnn": 0.99}
    fast = [(0.9901, float(seconds)) for seconds in range(1, 13)]
    study = study_of(*fast, (0.997, 60.0))
    train_finals(study, goals, dict.fromkeys(range(12), 0.9901) | {12: 0.996})
    assert (choose(study, goals).chosen.number, choose(study, goals).reached) == (12, True)


def test_times_of_another_system_are_not_held_against_these() -> None:
    goals = {"cnn": 0.99}
    other = MACHINE.model_copy(update={"id": "deadbeef"})
    study = study_of((0.995, 30), (0.995, 20), (0.994, 1), machines=[MACHINE, MACHINE, other])
    train_finals(study, goals, {0: 0.995, 1: 0.995, 2: 0.995})
    assert choose(study, goals).chosen.number == 1


def test_a_goal_that_no_recipe_reaches_is_said() -> None:
    goals = {"cnn": 0.999}
    study = study_of((0.99, 3), (0.98, 1))
    train_finals(study, goals, {0: 0.99, 1: 0.98})
    choice = choose(study, goals)
    assert (choice.chosen.number, choice.reached) == (0, False)


def test_where_nothing_came_to_its_end_nothing_is_chosen() -> None:
    draw = make_draw(0, "random", epochs=1)
    with pytest.raises(UserError, match="no trial of cnn has come to its end"):
        choose(make_study([draw], [make_tuned(draw, status="error", accuracy=None)]), {})
