"""The runner's decisions, with the real records on a real disk and an executor that only answers."""

import contextlib
import itertools
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bench.common.errors import UserError
from bench.records.fields import Environment
from bench.records.machines import Machine
from bench.records.schema import Epoch, Git, Run, Trial
from bench.records.storage import load_runs, run_path, save_run
from bench.records.surroundings import Surroundings
from bench.runner import trial_runner
from bench.runner.allocator import effective_settings
from bench.runner.cache_key import CodeIdentity, run_key
from bench.runner.locks import one_at_a_time
from bench.runner.nodes import Event, NodeDescription
from bench.runner.progress import Progress
from bench.runner.progress.outputs import Lines
from bench.runner.progress.summary import report_failures
from bench.runner.run_context import RunContext
from bench.runner.signals import Interrupted
from bench.runner.trial_runner import run_trials
from bench.runner.workers.messages import TrialFailed
from tests.support.factories import DATA, MACHINE, START, make_predictions, make_run, make_trial


class Answer:
    """What a worker would send back, from a hand-written run."""

    def __init__(self, run: Run) -> None:
        self.model, self.result, self.clock, self.memory = run.model, run.result, run.clock, run.memory
        self.execution, self.flags = run.execution, run.flags
        self.predictions, self.weights = make_predictions(), b"weights"


class FakeExecutor:
    """An executor with outcomes set beforehand: trial -> failure, interruption, or a normal answer."""

    stopped: BaseException | None = None

    def __init__(self, **outcomes: BaseException) -> None:
        self.outcomes = outcomes
        self.trials: list[tuple[str, int]] = []

    def run_trial(self, trial: Trial, on_epoch: Callable[[Epoch], None], timeout_s: float | None = None) -> Answer:  # noqa: ARG002
        self.trials.append((trial.model, trial.seed))
        run = make_run(trial.model, trial.seed)
        on_epoch(run.epochs[0])
        if f"{trial.model}{trial.seed}" in self.outcomes:
            raise self.outcomes[f"{trial.model}{trial.seed}"]
        on_epoch(run.epochs[1])
        return Answer(run)

    def close(self) -> None:
        pass


CODE = CodeIdentity(harness="version 1", models={"mlp": "a", "cnn": "b"}, probes={})
TRIALS = [make_trial(model=model, seed=seed) for seed in range(2) for model in ("mlp", "cnn")]


def make_context(results: Path, force: bool = False, **changes: object) -> RunContext:
    environment: Environment = {"torch": "2.15.0"}
    plain = {
        "results": results,
        "locks": results.parent / "locks",
        "machine": MACHINE,
        "git": Git(commit=None, dirty=None),
        "data": DATA,
        "environment": environment,
        "code": CODE,
        "force": force,
    }
    return RunContext(**(plain | changes))  # type: ignore[arg-type]


def play(results: Path, executor: FakeExecutor, **context: object) -> trial_runner.Summary:
    return run_trials(TRIALS, make_context(results, **context), executor, Progress(Lines()))  # type: ignore[arg-type]


def test_every_trial_leaves_one_record(tmp_path: Path) -> None:
    summary = play(tmp_path, FakeExecutor())
    runs, problems = load_runs(tmp_path)
    assert not problems
    assert runs == summary.done
    assert [(run.trial.model, run.trial.seed) for run in runs] == [("mlp", 0), ("cnn", 0), ("mlp", 1), ("cnn", 1)]


def test_a_finished_trial_is_not_run_again_unless_forced(tmp_path: Path) -> None:
    play(tmp_path, FakeExecutor())
    second, forced = FakeExecutor(), FakeExecutor()
    assert len(play(tmp_path, second).skipped) == 4
    assert second.trials == []
    assert len(play(tmp_path, forced, force=True).done) == 4
    assert len(load_runs(tmp_path)[0]) == 8


@pytest.mark.parametrize(
    "change",
    [
        {"code": replace(CODE, models={"mlp": "changed", "cnn": "changed"})},
        {"code": replace(CODE, harness="changed")},
        {"machine": MACHINE.model_copy(update={"id": "ffffffff"})},
        {"data": DATA.model_copy(update={"sha256": {"other": "1" * 64}})},
    ],
)
def test_another_model_harness_machine_or_data_set_is_run_again(tmp_path: Path, change: dict[str, object]) -> None:
    play(tmp_path, FakeExecutor())
    assert len(play(tmp_path, FakeExecutor(), **change).done) == 4


def test_another_allocator_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(tmp_path, FakeExecutor())
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "0")
    assert len(play(tmp_path, FakeExecutor()).done) == 4


def test_a_failure_is_recorded_and_the_rest_goes_on(tmp_path: Path) -> None:
    executor = FakeExecutor(mlp0=TrialFailed("error", "worker killed by SIGKILL"), cnn1=TrialFailed("diverged", "NaN"))
    summary = play(tmp_path, executor)
    assert len(executor.trials) == 4
    assert [(run.status, run.error, len(run.epochs)) for run in summary.failed] == [
        ("error", "worker killed by SIGKILL", 1),
        ("diverged", "NaN", 1),
    ]
    again = FakeExecutor()
    play(tmp_path, again)
    assert again.trials == [("mlp", 0), ("cnn", 1)], "failures are never taken for done"


def test_reasons_are_one_line_without_paths_of_this_machine(tmp_path: Path) -> None:
    log = "Traceback: the author wants to see this"
    reason = f"ValueError: bad\nfile {Path.home()}/secret/x.py and {Path.cwd()}/y.py {'z' * 1000}"
    summary = play(tmp_path, FakeExecutor(mlp0=TrialFailed("error", reason, log)))
    error = summary.failed[0].error
    assert error is not None
    assert error.startswith("ValueError: bad file ~/secret/x.py and ./y.py")
    assert len(error) == 500
    assert [path.read_text() for path in tmp_path.rglob("*.log")] == [log]


def test_an_interruption_is_recorded_and_passed_on(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        play(tmp_path, FakeExecutor(cnn0=Interrupted(signal.SIGINT)))
    runs, _ = load_runs(tmp_path)
    assert [(run.status, run.error) for run in runs] == [("done", None), ("interrupted", "stopped by SIGINT")]


def test_a_record_says_when_its_trial_began_and_ended_by_the_clock_it_was_given(tmp_path: Path) -> None:
    minutes = itertools.count()
    play(tmp_path, FakeExecutor(cnn0=TrialFailed("error", "x")), now=lambda: START + timedelta(minutes=next(minutes)))
    runs, _ = load_runs(tmp_path)
    assert [(run.started_at - START).seconds / 60 for run in runs] == [0, 2, 4, 6]
    assert {(run.finished_at - run.started_at).seconds for run in runs} == {60}


NODE = NodeDescription(
    Machine(slug="node-cpu", id="89abcdef"), {"torch": "2.15.0", "cpu_model": "Node CPU"}, effective_settings()
)


class Cluster(FakeExecutor):
    """An executor that runs every trial on a node, and loses the first node after an epoch."""

    def run_trial(self, trial: Trial, tell: Callable[[Event], None], timeout_s: float | None = None) -> Answer:  # noqa: ARG002
        epochs = make_run(trial.model, trial.seed, epoch_s=99).epochs
        tell(NodeDescription(MACHINE, {"torch": "2.15.0"}, effective_settings()))
        tell(epochs[0])
        tell(NODE)
        answer = super().run_trial(trial, tell)
        tell(Surroundings(other_cpu_share=0.25))
        return answer


def test_a_trial_that_began_again_elsewhere_is_recorded_as_of_there_alone(tmp_path: Path) -> None:
    play(tmp_path, Cluster(cnn0=TrialFailed("error", "x")))
    for run in load_runs(tmp_path)[0]:
        assert (run.machine, run.environment) == (NODE.machine, NODE.environment)
        assert [(epoch.epoch, epoch.train_s) for epoch in run.epochs] == [(1, 10), (2, 10)][: len(run.epochs)]
        assert run.surroundings == (Surroundings(other_cpu_share=0.25) if run.status == "done" else None)


def test_a_trial_done_on_any_kind_of_node_of_the_cluster_is_done(tmp_path: Path) -> None:
    play(tmp_path, Cluster())
    assert len(play(tmp_path, FakeExecutor(), node_kinds=(MACHINE, NODE.machine)).skipped) == 4
    assert len(play(tmp_path, FakeExecutor(), node_kinds=(MACHINE,)).done) == 4
    assert len(play(tmp_path, FakeExecutor(), node_kinds=(MACHINE, NODE.machine), force=True).done) == 4


def test_trials_side_by_side_are_all_recorded_and_every_round_is_reported(tmp_path: Path) -> None:
    executor, rounds, progress = FakeExecutor(), [], Progress(Lines(), at_once=4)
    with ThreadPoolExecutor(4) as pool:
        summary = run_trials(
            TRIALS,
            make_context(tmp_path),
            executor,  # type: ignore[arg-type]
            progress,
            on_round=lambda done: rounds.append(len(done.done)),
            parallel_map=pool.map,
        )
    assert {(run.trial.model, run.trial.seed) for run in summary.done} == set(executor.trials)
    assert rounds == [2]


def test_every_record_says_what_went_on_around_it(tmp_path: Path) -> None:
    play(tmp_path, FakeExecutor(cnn0=TrialFailed("error", "x")))
    assert all(run.surroundings is not None and run.surroundings.gpu_before is None for run in load_runs(tmp_path)[0])


def test_the_report_is_asked_for_between_rounds_of_seeds(tmp_path: Path) -> None:
    executor, rounds = FakeExecutor(), []
    run_trials(
        TRIALS,
        make_context(tmp_path),
        executor,  # type: ignore[arg-type]
        Progress(Lines()),
        on_round=lambda _: rounds.append(len(executor.trials)),
    )
    assert rounds == [2]


def test_a_results_folder_that_cannot_be_written_stops_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    executor = FakeExecutor()
    with pytest.raises(UserError, match="--results"):
        play(tmp_path / "file" / "results", executor)
    assert executor.trials == []


def test_a_full_disk_is_one_line_and_what_was_finished_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(
        tmp_path,
        FakeExecutor(cnn0=TrialFailed("error", "x"), mlp1=TrialFailed("error", "x"), cnn1=TrialFailed("error", "x")),
    )
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="No space left on device; runs finished before are kept"):
        play(tmp_path, FakeExecutor())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_trial_that_another_call_finishes_meanwhile_is_waited_for_and_not_done_again(tmp_path: Path) -> None:
    context, executor, lines = make_context(tmp_path / "results"), FakeExecutor(), []
    key = run_key(TRIALS[1], context.data, context.code, context.machine)
    held = contextlib.ExitStack()
    held.enter_context(one_at_a_time(context.locks, context.results, key, lambda: None))

    class Impatient(Progress):
        def note(self, line: str) -> None:
            """While we wait, the other call writes its record and lets go."""
            lines.append(line)
            save_run(context.results, make_run("cnn", 0).model_copy(update={"key": key}))
            held.close()

    summary = run_trials(TRIALS, context, executor, Impatient(Lines()))  # type: ignore[arg-type]
    assert lines == ["cnn seed 0: another call is training it; waiting for that"]
    assert ("cnn", 0) not in executor.trials
    assert len(executor.trials) == 3
    assert [run.key for run in summary.skipped] == [key]
    assert len(load_runs(context.results)[0]) == 4


def test_unfinished_files_of_a_killed_process_are_removed_after_an_hour(tmp_path: Path) -> None:
    old, new, foreign = (tmp_path / name for name in (".a.json.17.tmp", ".b.json.17.tmp", ".c.tmp"))
    for path in (old, new, foreign):
        path.write_text("half")
    for path in (old, foreign):
        os.utime(path, (0, 0))
    play(tmp_path, FakeExecutor())
    assert [path.exists() for path in (old, new, foreign)] == [False, True, True]


def test_a_record_that_was_removed_meanwhile_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = play(tmp_path, FakeExecutor())
    gone = run_path(tmp_path, summary.done[1])
    gone.unlink()
    capsys.readouterr()
    assert report_failures(summary, tmp_path) == 2
    assert capsys.readouterr().err == (f"error: {gone} was removed during the run; the same command trains it again\n")
