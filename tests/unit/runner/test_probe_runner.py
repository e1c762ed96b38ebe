"""Probes: what is asked, what is written down, and what the report makes of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.analysis import stats
from bench.analysis.groups import group_by_condition
from bench.data import datasets
from bench.data.corruptions.mnist_c import CORRUPTIONS
from bench.probes.distortion import measure
from bench.probes.registry import PROBES, probe_fingerprint
from bench.records.probes import ProbeOutput, ProbeTask, latest_answers, load_arrays, load_probes, save_probe
from bench.records.schema import Git, Run
from bench.report import render
from bench.report.elements.probe_results import collect_results
from bench.report.sections.distortion import CURVES, corruption_error, corruptions_of, verdict_rows
from bench.runner.cache_key import CodeIdentity
from bench.runner.local_executor import TrialFailed
from bench.runner.probe_runner import pending_probes, run_probes
from bench.runner.run_context import RunContext
from bench.runner.suites import SUITES
from tests.conftest import Command
from tests.support.factories import DATA, MACHINE, make_probe
from tests.support.results import build_results
from tests.support.trained import make_trained


class Oracle:
    """Answers every probe with the same numbers, or fails for one model."""

    stopped: BaseException | None = None

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.asked: list[str] = []

    def run_probe(self, task: ProbeTask, timeout_s: float | None = None) -> ProbeOutput:  # noqa: ARG002
        self.asked.append(task.trial.model)
        if task.trial.model == self.failing:
            raise TrialFailed("error", "RuntimeError: no")
        return ProbeOutput({"clean": 0.9}, {"layer": "none"}, {"digits": np.zeros((1, 2))})


def make_setting(results: Path) -> RunContext:
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


def test_every_finished_run_is_asked_once(tmp_path: Path, runs: list[Run]) -> None:
    oracle, said = Oracle(), list[str]()
    assert run_probes(runs, make_setting(tmp_path), oracle, said.append) == []
    assert run_probes(runs, make_setting(tmp_path), oracle) == []
    assert oracle.asked == ["mlp", "cnn"]
    assert said[0].startswith("[1/2] distortion of mlp seed 0 ")
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
    assert run_probes(runs, make_setting(tmp_path), Oracle(failing="mlp")) == [
        "distortion of mlp seed 0: RuntimeError: no"
    ]
    again = Oracle()
    run_probes(runs, make_setting(tmp_path), again)
    assert again.asked == ["mlp"]


@pytest.mark.parametrize("change", [{"probes": {"distortion": "changed"}}, {"harness": "changed"}])
def test_a_changed_probe_or_harness_is_asked_again(tmp_path: Path, runs: list[Run], change: dict[str, Any]) -> None:
    run_probes(runs, make_setting(tmp_path), Oracle())
    context = make_setting(tmp_path)
    assert pending_probes(runs, context) == []
    assert len(pending_probes(runs, replace(context, code=replace(context.code, **change)))) == 2


def test_every_probe_is_a_module_with_a_source() -> None:
    assert len({probe_fingerprint(name) for name in PROBES}) == len(PROBES)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2}', "\x00", '{"numbers": {"clean": NaN}}'])
def test_what_is_no_probe_record_is_named_and_kept(tmp_path: Path, runs: list[Run], text: str) -> None:
    path = save_probe(tmp_path, make_probe(runs[0], clean=0.9)).with_name("foreign.json")
    path.write_text(text)
    records, problems = load_probes(tmp_path)
    assert len(records) == 1
    assert [problem.path.name for problem in problems] == ["foreign.json"]
    assert path.read_text() == text
    assert len(render(tmp_path).problems) == 1


def test_the_answer_on_most_images_counts_and_of_those_the_newest(runs: list[Run]) -> None:
    records = [
        make_probe(runs[0], images=500, later=3, clean=0.1),
        make_probe(runs[0], later=1, clean=0.2),
        make_probe(runs[0], later=2, clean=0.3),
    ]
    assert latest_answers("distortion", records)[runs[0].stem].numbers == {"clean": 0.3}
    assert latest_answers("other", records) == {}


def test_distortion_of_nothing_is_the_clean_accuracy(
    mnist: tuple[datasets.Split, datasets.Split], tmp_path: Path
) -> None:
    trained = make_trained(mnist, tmp_path, "softmax")
    output = measure(trained)
    found = output.numbers
    assert {"clean", *CORRUPTIONS} < found.keys()
    assert {found[name] for name in ("translation_0", "rotation_0", "scale_1.0", "noise_0.0")} == {found["clean"]}
    assert {name.rpartition("_")[0] for name in found.keys() - CORRUPTIONS.keys() - {"clean"}} == CURVES.keys()
    assert measure(trained).numbers == found, "the distortions are drawn from a fixed seed"
    shifted = output.arrays["shifted"]
    assert np.array_equal(shifted[0], trained.test.images[0])
    assert np.array_equal(shifted[5][:, 5:], trained.test.images[0][:, :-5]), "to the right"
    assert output.arrays["answers"].shape == output.arrays["confidences"].shape == (9,)


def three_answers(tmp_path: Path) -> Path:
    """Hand-written: errors of softmax 0.1 clean, 0.4 and 0.2 corrupted; of the MLP half of that but for zigzag."""
    numbers = {
        "softmax": {"clean": 0.9, "fog": 0.6, "zigzag": 0.8},
        "mlp": {"clean": 0.95, "fog": 0.8, "zigzag": 0.8},
    }
    for model, accuracies in numbers.items():
        curve = {f"noise_{sigma}": accuracies["clean"] - sigma for sigma in (0.0, 0.1, 0.2)}
        for run in build_results(tmp_path, {model: accuracies["clean"]}, seeds=3):
            save_probe(tmp_path, make_probe(run, **accuracies, **curve))
    return tmp_path


def test_corruption_error_is_that_of_hendrycks_and_dietterich(tmp_path: Path) -> None:
    comparison = group_by_condition(load_all(three_answers(tmp_path)))[0]
    mlp, softmax = collect_results(comparison, "distortion", load_probes(tmp_path)[0])
    assert corruptions_of(mlp) == ["fog", "zigzag"]
    # (0.2 / 0.4 + 0.2 / 0.2) / 2, and less the clean errors (0.15 / 0.3 + 0.15 / 0.1) / 2
    assert corruption_error(mlp, softmax) == pytest.approx([0.75] * 3)
    assert corruption_error(mlp, softmax, relative=True) == pytest.approx([1.0] * 3)
    assert corruption_error(softmax, softmax) == pytest.approx([1.0] * 3)


def test_a_verdict_on_each_corruption_turns_round_with_the_numbers(tmp_path: Path) -> None:
    def words(gain: float) -> list[str]:
        folder = tmp_path / str(gain)
        for run in build_results(folder, {"cnn": 0.95, "mlp": 0.95}, seeds=4):
            lead, wobble = (gain, run.trial.seed / 500) if run.trial.model == "cnn" else (0.0, 0.0)
            save_probe(folder, make_probe(run, clean=0.95, fog=0.8 + lead + wobble, zigzag=0.8 + wobble - 0.003))
        found = collect_results(group_by_condition(load_all(folder))[0], "distortion", load_probes(folder)[0])
        return list(verdict_rows(sorted(found, key=lambda each: each.group.model))[0].values())

    assert words(0.1) == ["cnn", "mlp", "fog +10.3", "none", "zigzag +0.3"]
    assert words(-0.1) == ["cnn", "mlp", "none", "fog -9.7", "zigzag +0.3"]


def load_all(results: Path) -> list[Run]:
    from bench.records.storage import load_runs

    return load_runs(results)[0]


def test_the_page_shows_corruptions_curves_and_what_they_mean(tmp_path: Path) -> None:
    page = render(three_answers(tmp_path)).page.read_text()
    packed = page.replace(" ", "")
    assert "|zigzag|80.0±0.0|80.0±0.0|" in packed
    assert "|mCE|0.75±0.00|1.00±0.00|" in packed
    table = pd.read_csv(tmp_path / "tables" / "distortion.csv")
    assert len(table) == 2 * 3 * 6
    assert set(table["images"]) == {10_000}
    picture = next((tmp_path / "plots").glob("*-distortion.svg"))
    assert f"(plots/{picture.name})" in page


def test_without_the_reference_model_there_is_no_corruption_error(tmp_path: Path, runs: list[Run]) -> None:
    save_probe(tmp_path, make_probe(runs[0], clean=0.9, fog=0.5))
    page = render(tmp_path).page.read_text()
    assert "| fog" in page
    assert "| mCE" not in page


@pytest.mark.parametrize(
    ("y", "where"),
    [([1.0, 0.95, 0.85], 1.5), ([1.0, 0.9, 0.8], 1.0), ([0.8, 1.0, 1.0], 0.0), ([1.0, 1.0, 1.0], np.nan)],
)
def test_falling_below_a_level_is_interpolated(y: list[float], where: float) -> None:
    assert stats.falls_below(np.arange(3.0), np.array(y), 0.9) == pytest.approx(where, nan_ok=True)


def test_area_is_the_mean_over_the_range() -> None:
    assert stats.area_under(np.array([0.0, 1.0, 3.0]), np.array([1.0, 0.0, 0.0])) == pytest.approx(0.5 / 3)


@pytest.mark.slow
def test_the_real_command_asks_once_and_trains_again_where_the_weights_are_gone(
    command: Command, tmp_path: Path
) -> None:
    call = ("run", "--suite", "quick", "--epochs", "1", "--models", "softmax", "--json")
    trained = count(json.loads(command(*call).stdout))
    assert trained == {"done": 1, "already_done": 0}
    records = {record.probe: record for record in load_probes(tmp_path / "results")[0]}
    assert records.keys() == SUITES["quick"].probes.keys()
    assert all(record.images == 500 for record in records.values())
    assert records["distortion"].numbers["clean"] > 0.8
    assert records["sample_efficiency"].numbers.keys() == {"n_100", "n_300", "n_1000", "n_3000"}
    assert {records[name].train_images for name in ("distortion", "blocks")} == {0, 3000}
    assert count(json.loads(command(*call).stdout)) == {"done": 0, "already_done": 1}
    for path in (tmp_path / "results").rglob("*"):
        if path.suffix == ".safetensors" or path.parent.parent.name == "probes":
            path.unlink()
    assert count(json.loads(command(*call).stdout)) == {"done": 1, "already_done": 0}
    assert len(load_probes(tmp_path / "results")[0]) == len(records)


def count(summary: dict[str, Any]) -> dict[str, int]:
    return {part: len(summary[part]) for part in ("done", "already_done")}


@pytest.mark.slow
def test_damaged_weights_are_one_line(command: Command, tmp_path: Path) -> None:
    call: Callable[[], Any] = lambda: command("run", "--suite", "quick", "--epochs", "1", "--models", "softmax")  # noqa: E731
    call()
    for path in (tmp_path / "results").rglob("*"):
        if path.suffix == ".safetensors":
            path.write_bytes(b"no weights")
        if path.parent.parent.name == "probes":
            path.unlink()
    done = call()
    assert done.returncode == 2
    assert "error: no answer: distortion of softmax seed 0: the weights softmax-" in done.stderr
    assert "remove the file and the model is trained again" in done.stderr
    assert "Traceback" not in done.stderr
    next((tmp_path / "results").rglob("*.safetensors")).unlink()
    assert call().returncode == 0
