"""Timing rounds: how many, when, and what is written down of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.records.schema import Trial
from bench.records.timing import ModelTimes, Round, load_timings
from bench.runner.progress import Progress
from bench.runner.progress.outputs import Lines
from bench.runner.timing_runner import MAX_AT_ONCE, TimingRounds, plan_rounds, spread
from bench.runner.workers.messages import TrialFailed
from tests.support.factories import make_trial
from tests.unit.runner.test_trial_runner import CODE, TRIALS, make_context


class FakeTimers:
    """Answers without timing anything; ``broken`` models have a reason in place of rounds."""

    def __init__(self, **broken: str) -> None:
        self.broken = broken
        self.calls: list[tuple[list[str], int]] = []

    def run_rounds(
        self, trials: Sequence[Trial], rounds: int, seconds: float, timeout_s: float | None = None
    ) -> tuple[list[ModelTimes], None]:
        assert (seconds, timeout_s) == (0.2, None)
        self.calls.append(([trial.model for trial in trials], rounds))
        timed = [Round(images=128, seconds=0.2)] * rounds
        notes = {trial: self.broken.get(trial.model, "") for trial in trials}
        return [ModelTimes(trial, [] if note else timed, note) for trial, note in notes.items()], None


def plan(tmp_path: Path, timers: FakeTimers, rounds: int = 15, **changes: object) -> TimingRounds:
    context = make_context(tmp_path / "results", timing_rounds=rounds, **changes)
    return plan_rounds(TRIALS, context, timers, Progress(Lines()))


def test_each_model_is_timed_once_with_its_first_seed(tmp_path: Path) -> None:
    timers = FakeTimers()
    plan(tmp_path, timers).measure()
    assert timers.calls == [(["mlp", "cnn"], 15)]
    ((record,), _) = load_timings(tmp_path / "results")
    assert [(model.trial.model, model.trial.seed, len(model.rounds)) for model in record.models] == [
        ("mlp", 0, 15),
        ("cnn", 0, 15),
    ]


@pytest.mark.parametrize(("items", "rounds", "parts"), [(3, 15, 3), (9, 32, 8), (30, 32, 8), (1, 15, 3), (0, 15, 1)])
def test_rounds_are_spread_before_between_and_after(tmp_path: Path, items: int, rounds: int, parts: int) -> None:
    timers = FakeTimers()
    planned = plan(tmp_path, timers, rounds)
    seen = [(item, sum(count for _, count in timers.calls)) for item in spread(range(items), planned)]
    before_last = sum(count for _, count in timers.calls)
    planned.measure()
    assert sum(count for _, count in timers.calls) == rounds
    assert [item for item, _ in seen] == list(range(items))
    assert len(timers.calls) <= parts
    if items:
        assert 0 < seen[0][1] < rounds, "some before the first"
        assert before_last < rounds, "some after the last"
    if items > 2:
        assert seen[0][1] < seen[-1][1], "some between"
        counts = [count for _, count in timers.calls]
        assert max(counts) - min(counts) <= 1 + (parts != len(counts)) * max(counts)


def test_what_was_measured_before_is_not_measured_again(tmp_path: Path) -> None:
    plan(tmp_path, FakeTimers()).measure(share=0.4)
    timers = FakeTimers()
    plan(tmp_path, timers).measure()
    assert timers.calls == [(["mlp", "cnn"], 9)]
    plan(tmp_path, timers).measure()
    assert len(timers.calls) == 1
    plan(tmp_path, timers, force=True).measure()
    assert timers.calls[-1] == (["mlp", "cnn"], 15)


def test_edited_code_is_timed_again_beside_all_others(tmp_path: Path) -> None:
    plan(tmp_path, FakeTimers()).measure()
    timers = FakeTimers()
    plan(tmp_path, timers, code=replace(CODE, models={"mlp": "a", "cnn": "edited"})).measure()
    assert timers.calls == [(["mlp", "cnn"], 15)]


def test_a_model_that_cannot_be_timed_costs_only_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timers = FakeTimers(cnn="it hangs")
    context = make_context(tmp_path / "results", timing_rounds=15)
    rounds = plan_rounds(TRIALS, context, timers, Progress(Lines()))
    rounds.measure(share=0.5)
    rounds.measure()
    assert timers.calls == [(["mlp", "cnn"], 8), (["mlp"], 7)]
    assert capsys.readouterr().err == "cnn is not timed in turn: it hangs\n"
    records, _ = load_timings(tmp_path / "results")
    assert [model.note for model in records[0].models] == ["", "it hangs"]
    again = plan_rounds(TRIALS, context, timers, Progress(Lines()))
    again.measure()
    assert len(timers.calls) == 2, "nor does it make the others be timed again"


def test_a_cluster_that_cannot_time_loses_the_times_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Lost(FakeTimers):
        def run_rounds(self, *_: object, **__: object) -> tuple[list[ModelTimes], None]:
            raise TrialFailed("error", "its node was lost 4 times")

    rounds = plan_rounds(TRIALS, make_context(tmp_path / "results", timing_rounds=15), Lost(), Progress(Lines()))
    rounds.measure()
    rounds.progress.work_done(("anything", ""), line="left:")
    assert capsys.readouterr().err == "timing rounds: its node was lost 4 times\nleft: ETA 0 s\n"
    assert load_timings(tmp_path / "results") == ([], [])


def test_many_models_are_timed_in_groups(tmp_path: Path) -> None:
    names = [f"model_{number}" for number in range(MAX_AT_ONCE + 2)]
    code = replace(CODE, models=dict.fromkeys(names, "a"))
    timers = FakeTimers()
    context = make_context(tmp_path / "results", timing_rounds=15, code=code)
    plan_rounds([make_trial(model=name) for name in names], context, timers, Progress(Lines())).measure()
    assert [(len(models), rounds) for models, rounds in timers.calls] == [(MAX_AT_ONCE, 15), (2, 15)]


def test_no_rounds_are_wanted_no_rounds_are_measured(tmp_path: Path) -> None:
    timers = FakeTimers()
    rounds = plan(tmp_path, timers, rounds=0)
    assert list(spread([1, 2], rounds)) == [1, 2]
    rounds.measure()
    assert timers.calls == []
