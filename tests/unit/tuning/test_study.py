"""Which trials go on, and that a study goes on as if it had not been stopped."""

import optuna
import pytest

from bench.records.tuning import TunedEpoch, TunedTrial
from bench.tuning.study import Draw, Study
from tests.support.tuning import make_draw, make_study, make_tuned


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def run(study: Study, draw: Draw, curve: list[float]) -> TunedTrial:
    """A trial that has these accuracies, one after each epoch, ended as the study says."""
    watch, seen = study.watch(draw.role), []
    status = "done"
    for epoch, accuracy in enumerate(curve, 1):
        seen.append(TunedEpoch(epoch=epoch, train_s=1.0, accuracy=accuracy))
        if watch.is_behind(epoch, accuracy) and epoch < len(curve):
            status = "pruned"
            break
    record = make_tuned(draw, status=status, epochs=seen, accuracy=seen[-1].accuracy if status == "done" else None)
    study.add(record)
    watch.end(record)
    return record


def curve(number: int, role: str, length: int = 9) -> list[float]:
    """Some are good and some are bad, without an order."""
    level = 0.5 + 0.05 * ((7 * number) % 10)
    return [min(0.99, level + 0.01 * epoch) for epoch in range(length)]


def test_random_trials_always_come_to_their_end_and_others_while_they_are_ahead() -> None:
    draws = [make_draw(number, "random" if number < 6 else "halving", epochs=9) for number in range(18)]
    study = make_study(draws)
    records = [run(study, draw, curve(draw.number, draw.role)) for draw in draws]
    assert all(record.status == "done" for record in records[:6])
    ended = {record.number: len(record.epochs) for record in records[6:] if record.status == "pruned"}
    assert 4 <= len(ended) < 12
    assert set(ended.values()) <= {1, 3}
    levels = {number: curve(number, "halving")[0] for number in range(6, 18)}
    assert max(levels[number] for number in ended) <= max(levels.values())
    assert levels[max(levels, key=lambda number: levels[number])] not in {levels[number] for number in ended}
    assert study.pending() == []


def test_a_study_that_was_stopped_goes_on_as_if_it_had_not_been() -> None:
    draws = [make_draw(number, "random" if number < 4 else "halving", epochs=9) for number in range(20)]
    whole = make_study(draws)
    expected = [run(whole, draw, curve(draw.number, draw.role)) for draw in draws]
    for stop in (1, 5, 11, 19):
        again = make_study(draws, list(expected[:stop]))
        assert [draw.number for draw in again.pending()] == list(range(stop, 20))
        rest = [run(again, draw, curve(draw.number, draw.role)) for draw in again.pending()]
        assert [(record.status, len(record.epochs)) for record in rest] == [
            (record.status, len(record.epochs)) for record in expected[stop:]
        ]


def test_a_trial_that_diverged_is_not_tried_again() -> None:
    draw = make_draw(0, "random", epochs=2)
    study = make_study([draw], [make_tuned(draw, status="diverged", epochs=[], accuracy=None)])
    assert study.pending() == study.finished() == []
