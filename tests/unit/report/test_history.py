"""From commit to commit, and which machines there are."""

import xml.etree.ElementTree
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.records.pytest_benchmarks import Case, SavedRun, saved_runs
from bench.records.schema import Git
from bench.records.storage import save_run
from bench.report import render
from bench.report.elements.blocks import Picture, Table
from bench.report.elements.style import in_style
from bench.report.sections import history
from tests.support.factories import MACHINE, START, make_run, save_benchmarks, saved_benchmarks

LATER = {"git": Git(commit="d00d" * 10, dirty=False)}


def table(blocks: Any, name: str) -> list[dict[str, Any]]:
    return list(next(block.rows for block in blocks if isinstance(block, Table) and block.name == name))


def test_a_model_measured_at_two_commits_has_a_row_for_each() -> None:
    before = [make_run("cnn", seed, epoch_s=10.0) for seed in range(2)]
    after = [make_run("cnn", seed, 0.98, epoch_s=5.0, later=9e4).model_copy(update=LATER) for seed in range(2)]
    alone = make_run("mlp")
    rows = table(history.section([*before, alone, *after], {}).blocks, "history")
    assert [(row["model"], row["commit"], row["runs"], row["epoch, s"], row["times the first"]) for row in rows] == [
        ("cnn", "c0ffee000000", "2", "10", "1.00"),
        ("cnn", "d00dd00dd00d", "2", "5", "0.50"),
    ]
    assert [row["test accuracy, %"] for row in rows] == ["99.00", "98.00"]


def test_at_one_commit_there_is_no_history() -> None:
    blocks = history.section([make_run("cnn"), make_run("mlp"), make_run("cnn", 1, status="error")], {}).blocks
    assert list(blocks) == []


def saved(times: int, median_s: float = 0.01) -> list[SavedRun]:
    cases = [{"one": Case("one", median_s * (1 + number), 0.3, {})} for number in range(times)]
    cases[-1]["new"] = Case("new", 0.5, 0.3, {})
    return [SavedRun(START + timedelta(days=number), f"c{number}", run_cases) for number, run_cases in enumerate(cases)]


def test_benchmarks_run_more_than_once_have_trend_lines() -> None:
    blocks = in_style(history.section)([], {"box-1": saved(3), "box-2": saved(1)}).blocks
    pictures = [block for block in blocks if isinstance(block, Picture)]
    assert [picture.file for picture in pictures] == ["benchmarks-box-1.svg"]
    text = " ".join(xml.etree.ElementTree.fromstring(pictures[0].svg).itertext())
    assert "one: 30 ms" in text
    assert "new" not in text, "a case seen once has no trend"


def test_saved_benchmarks_are_read_and_other_files_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks" / MACHINE.name
    save_benchmarks(folder, saved_benchmarks(0.01), saved_benchmarks(0.02))
    (folder / "0003_odd.json").write_text('{"benchmarks": [1]}')
    by_machine = saved_runs(tmp_path)
    assert [run.cases["test_x[cnn]"].median_s for run in by_machine[MACHINE.name]] == [0.01, 0.02]
    save_run(tmp_path, make_run())
    assert "Benchmarks of the code" in render(tmp_path).page.read_text()


@pytest.mark.parametrize("names", [1, 4])
def test_small_plots_fill_rows(names: int) -> None:
    cases = {f"test_case_{number}": Case(f"test_case_{number}", 0.1, 0.3, {}) for number in range(names)}
    svg = in_style(history.draw_trends)([SavedRun(START, "c", cases)] * 2)
    assert svg.count(b"case ") == names
