"""Which probes are asked of which runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.records.probes import ProbeOutput, ProbeTask, load_arrays, load_probes
from bench.records.schema import Execution, Flag, Git, Run
from bench.records.storage import load_predictions
from bench.runner.cache_key import CodeIdentity
from bench.runner.probe_runner import expected_probe, pending_probes, run_probes
from bench.runner.progress import Expected, Progress
from bench.runner.progress.outputs import Lines
from bench.runner.run_context import RunContext
from bench.runner.workers.messages import TrialFailed
from tests.support.factories import DATA, MACHINE, make_trial
from tests.support.results import build_results


class FakeProbeExecutor:
    """Answers every probe with the same numbers, or fails for one model."""

    stopped: BaseException | None = None

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.models: list[str] = []
        self.tasks: list[ProbeTask] = []

    def run_probe(self, task: ProbeTask, timeout_s: float | None = None) -> ProbeOutput:  # noqa: ARG002
        self.models.append(task.trial.model)
        self.tasks.append(task)
        if task.trial.model == self.failing:
            raise TrialFailed("error", "RuntimeError: no")
        return ProbeOutput({"clean": 0.9}, {"layer": "none"}, {"digits": np.zeros((1, 2))})


def make_context(results: Path) -> RunContext:
    return RunContext(
        results=results,
        locks=results.parent / "locks",
        machine=MACHINE,
        git=Git(commit=None, dirty=None),
        data=DATA,
        environment={},
        code=CodeIdentity(harness="version 1", models={}, probes={"distortion": "version 1"}),
        probes={"distortion": None},
        probe_images=500,
    )


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    return build_results(tmp_path, {"mlp": 0.99, "cnn": 0.99})


def test_every_finished_run_is_asked_once(tmp_path: Path, runs: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    executor = FakeProbeExecutor()
    assert run_probes(runs, make_context(tmp_path), executor, Progress(Lines())) == []
    assert run_probes(runs, make_context(tmp_path), executor, Progress(Lines())) == []
    assert executor.models == ["mlp", "cnn"]
    assert capsys.readouterr().err.startswith("[1/2] distortion of mlp seed 0 ")
    records, problems = load_probes(tmp_path)
    assert not problems
    assert [(record.run, record.images, record.numbers, record.notes) for record in records] == [
        (run.stem, 500, {"clean": 0.9}, {"layer": "none"}) for run in runs
    ]
    assert load_arrays(tmp_path, records[0])["digits"].shape == (1, 2)
    for path in tmp_path.rglob("*.npz"):
        path.write_bytes(b"damaged")
    assert load_arrays(tmp_path, records[0]) == {}


def test_a_probe_that_fails_is_a_line_and_is_asked_again(tmp_path: Path, runs: list[Run]) -> None:
    assert run_probes(runs, make_context(tmp_path), FakeProbeExecutor(failing="mlp"), Progress(Lines())) == [
        "distortion of mlp seed 0: RuntimeError: no"
    ]
    again = FakeProbeExecutor()
    run_probes(runs, make_context(tmp_path), again, Progress(Lines()))
    assert again.models == ["mlp"]


@pytest.mark.parametrize("change", [{"probes": {"distortion": "changed"}}, {"harness": "changed"}])
def test_a_changed_probe_or_harness_is_asked_again(tmp_path: Path, runs: list[Run], change: dict[str, Any]) -> None:
    run_probes(runs, make_context(tmp_path), FakeProbeExecutor(), Progress(Lines()))
    context = make_context(tmp_path)
    assert pending_probes(runs, context) == []
    assert len(pending_probes(runs, replace(context, code=replace(context.code, **change)))) == 2


def test_a_probe_is_told_what_the_trained_model_answered_and_what_speaks_against_it(
    tmp_path: Path, runs: list[Run]
) -> None:
    names = ("not_in_weights", "no_logits", "evaluation_changes", "answers_differ", "batch_matters", "not_trained")
    flags = [Flag(name=name, note=f"note of {name}") for name in names]
    flagged, plain = runs[0].model_copy(update={"flags": flags}), runs[1]
    executor = FakeProbeExecutor()
    run_probes([flagged, plain], make_context(tmp_path), executor, Progress(Lines()))
    assert [task.doubts for task in executor.tasks] == [
        ("note of not_in_weights", "note of evaluation_changes", "note of answers_differ"),
        (),
    ]
    for task, run in zip(executor.tasks, runs, strict=True):
        stored = load_predictions(tmp_path, run)
        assert task.answers is not None
        assert stored is not None
        assert np.array_equal(task.answers.predicted, stored.predicted)
        assert np.array_equal(task.answers.example_confidence, stored.example_confidence)


def test_of_predictions_that_are_gone_a_probe_is_told_nothing(tmp_path: Path, runs: list[Run]) -> None:
    for path in tmp_path.rglob("mlp*.npz"):
        path.unlink()
    executor = FakeProbeExecutor()
    run_probes(runs, make_context(tmp_path), executor, Progress(Lines()))
    assert [task.answers is None for task in executor.tasks] == [True, False]


def test_of_a_run_whose_weights_could_not_be_stored_no_probe_is_asked(tmp_path: Path, runs: list[Run]) -> None:
    execution = Execution(mode="eager", reason="x", left_out={"weights": "sparse"})
    executor = FakeProbeExecutor()
    stored = runs[0].model_copy(update={"execution": execution})
    assert run_probes([stored], make_context(tmp_path), executor, Progress(Lines())) == [
        "distortion of mlp seed 0: the run's weights could not be stored (sparse), so there is nothing to probe"
    ]
    assert executor.models == []


def test_a_probe_is_expected_to_take_what_its_images_do(tmp_path: Path) -> None:
    context = replace(make_context(tmp_path), probe_images=5_000, probe_train_images=30_000)
    trial = make_trial(model="cnn", epochs=2, train_size=60_000)
    names = ("distortion", "features", "blocks")
    distortion, features, blocks = (expected_probe(name, trial, context) for name in names)
    assert distortion == Expected(("distortion", "cnn"), images=47 * 0.3 * 5_000, seconds=2.5)
    assert features == Expected(("features", "cnn"), images=14 * 0.3 * 5_000, seconds=10)
    assert blocks == Expected(("blocks", "cnn"), images=4 * 2 * 30_000 + 0.3 * 5_000, seconds=0)
