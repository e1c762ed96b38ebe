"""What is saved, accepted and read again in a machine's folder."""

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_benchmark.cli

from bench.common.errors import UserError
from bench.records.pytest_benchmarks import ACCEPTED, file_run, read_accepted, read_runs
from bench.records.schema import Git
from bench.tracking import history
from bench.tracking.history import accept, track
from tests.support.factories import save_benchmarks, saved_benchmarks, saved_cases


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "benchmarks" / "box"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Runs that pytest is said to have written, instead of running it."""
    runs: list[dict[str, Any]] = []

    def run_benchmarks(storage: Path, only: str | None) -> Path:
        written = storage / "0001_of_pytest.json"
        written.write_text(json.dumps(runs.pop(0)))
        return written

    monkeypatch.setattr(history, "run_benchmarks", run_benchmarks)
    monkeypatch.setattr(history, "read_git", lambda: Git(commit=None, dirty=False))
    return runs


def test_runs_are_numbered_and_the_first_is_the_baseline(
    folder: Path, tmp_path: Path, measured: list[dict[str, Any]]
) -> None:
    measured += [saved_benchmarks(0.01), saved_cases({"test_x[cnn]": 0.02}, commit="slow")]
    assert track(tmp_path, folder, None).baselines == {}
    second = track(tmp_path, folder, None)
    assert [step.slower for step in second.steps] == [True]
    assert [path.name for path in sorted(folder.iterdir())] == ["0001_of_pytest.json", "0002_of_pytest.json"]
    measured.append(saved_cases({"test_x[cnn]": 0.02}, commit="slow"))
    assert [step.slower for step in track(tmp_path, folder, None).steps] == [True], "slower than what was accepted"
    accept(folder)
    measured.append(saved_cases({"test_x[cnn]": 0.02}, commit="slow"))
    assert [step.slower for step in track(tmp_path, folder, None).steps] == [False]


def test_a_run_on_other_software_is_saved_and_can_be_accepted(
    folder: Path, tmp_path: Path, measured: list[dict[str, Any]]
) -> None:
    measured += [saved_benchmarks(), saved_cases({"test_x[cnn]": 0.01}, torch="2.16.0")]
    track(tmp_path, folder, None)
    with pytest.raises(UserError, match=r"\(torch 2.15.0 -> 2.16.0\): 'track --accept' makes .*0002_.* the new one"):
        track(tmp_path, folder, None)
    accept(folder)
    measured.append(saved_cases({"test_x[cnn]": 0.01}, torch="2.16.0"))
    assert [step.ratio for step in track(tmp_path, folder, None).steps] == [1.0]


def test_a_choice_of_cases_is_accepted_beside_the_rest(folder: Path, measured: list[dict[str, Any]]) -> None:
    save_benchmarks(folder, saved_benchmarks(), saved_cases({"a": 1.0}, deselected=["b"]))
    accept(folder)
    save_benchmarks(folder, saved_cases({"b": 1.0}, deselected=["a"]))
    accept(folder)
    accept(folder)
    assert read_accepted(folder) == ["0002_x.json", "0003_x.json"]
    save_benchmarks(folder, saved_cases({"a": 1.0, "b": 1.0}))
    accept(folder)
    assert read_accepted(folder) == ["0004_x.json"]


def test_what_cannot_be_accepted_is_one_line(
    folder: Path, measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="no run to accept"):
        accept(folder)
    save_benchmarks(folder, saved_benchmarks())
    monkeypatch.setattr(history, "read_git", lambda: Git(commit=None, dirty=True))
    with pytest.raises(UserError, match=r"working tree has uncommitted changes, which .*0001_x.json, has not measured"):
        accept(folder)
    save_benchmarks(folder, saved_cases({"a": 1.0}, dirty=True))
    with pytest.raises(UserError, match=r"newest run, 0002_x.json, has uncommitted changes"):
        accept(folder)
    assert read_accepted(folder) == []


def test_a_damaged_list_of_accepted_runs_is_one_line(
    folder: Path, tmp_path: Path, measured: list[dict[str, Any]]
) -> None:
    save_benchmarks(folder, saved_benchmarks())
    (folder / ACCEPTED).write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"cannot read .*accepted.txt: "):
        track(tmp_path, folder, None)
    (folder / ACCEPTED).write_text("../../elsewhere.json\n")
    with pytest.raises(UserError, match=r"names ../../elsewhere.json, which is no saved run here"):
        track(tmp_path, folder, None)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"benchmarks": [1]}', '{"benchmarks": [{"fullname": 1}]}'])
def test_files_that_are_no_runs_are_passed_over(
    folder: Path, tmp_path: Path, measured: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], text: str
) -> None:
    save_benchmarks(folder, saved_benchmarks())
    (folder / "0002_x.json").write_text(text)
    measured.append(saved_benchmarks())
    assert [step.ratio for step in track(tmp_path, folder, None).steps] == [1.0]
    assert "warning: 0002_x.json is no benchmark run" in capsys.readouterr().err
    assert (folder / "0003_of_pytest.json").is_file()


def test_a_run_of_an_older_version_is_read(tmp_path: Path) -> None:
    written = tmp_path / "0001_x.json"
    content = saved_benchmarks()
    del content["deselected"], content["machine_info"]
    written.write_text(json.dumps(content))
    folder = tmp_path / "benchmarks" / "box"
    file_run(tmp_path, folder, written)
    (run,), others = read_runs(folder)
    assert (run.environment, run.deselected, others) == ({}, frozenset(), [])


def test_pytest_benchmarks_own_command_reads_the_folder(
    folder: Path,
    measured: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_benchmarks(folder, saved_benchmarks(), saved_benchmarks())
    accept(folder)
    monkeypatch.setattr("sys.argv", ["pytest-benchmark", "--storage", f"file://{folder}", "list"])
    pytest_benchmark.cli.main()
    assert [Path(path).name for path in capsys.readouterr().out.split()] == ["0001_x.json", "0002_x.json"]
