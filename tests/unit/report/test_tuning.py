"""The section on tuning, from hand-written trials."""

from pathlib import Path

import pandas as pd
import pytest

from bench.records.tuning import save_tuned
from bench.report import render
from tests.support.factories import make_run
from tests.support.results import save_runs
from tests.support.tuning import make_draw, make_tuned


@pytest.fixture
def results(tmp_path: Path) -> Path:
    save_runs(tmp_path, make_run("cnn"))
    for number in range(5):
        draw = make_draw(number, "random" if number < 4 else "halving")
        save_tuned(tmp_path, make_tuned(draw, accuracy=0.98 + number / 500, seconds=60.0))
    return tmp_path


def test_the_page_has_a_curve_and_what_it_cost(results: Path) -> None:
    assert not render(results).problems
    page = (results / "README.md").read_text().partition("## Tuning")[2].partition("\n## ")[0]
    assert "After 4 random trials cnn gets 98." in page
    assert "of the held-out images right, after one 98." in page
    row = next(line for line in page.splitlines() if line.startswith("| cnn"))
    assert [cell.strip() for cell in row.split("|")][3:7] == ["4", "1", "0", "5.0"]
    assert (results / "plots" / "tuning-best.svg").read_bytes().startswith(b"<?xml")
    frame = pd.read_csv(results / "tables" / "tuning.csv")
    assert frame.drawn.round(3).tolist() == [0.98, 0.982, 0.984, 0.986]
    assert (frame.accuracy_low <= frame.accuracy_median).all()


def test_a_file_that_is_no_trial_is_named_and_kept(results: Path) -> None:
    foreign = results / "tuning" / "foreign.json"
    foreign.write_text("{}")
    (problem,) = render(results).problems
    assert str(problem).startswith("foreign.json: ")
    assert foreign.read_text() == "{}"


def test_where_the_package_is_missing_the_section_says_so_and_the_rest_stands(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "opda.nonparametric", None)
    (problem,) = render(results).problems
    assert "section 'tuning' is left out" in str(problem)
    assert "## mnist" in (results / "README.md").read_text()
