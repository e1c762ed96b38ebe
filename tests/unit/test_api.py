"""The suite from Python: in scripts, and what it gives back."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from bench.report import render
from bench.report.pages.csv_tables import RUN_COLUMNS
from tests.support.factories import make_run
from tests.support.results import save_runs


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two runs that are done, one that failed."""
    runs = make_run("mlp", accuracy=0.97), make_run("cnn", accuracy=0.99, later=1)
    failed = make_run("mlp", seed=9, status="error", later=600)
    return save_runs(tmp_path / "results", *runs, failed, weights=b"weights")


def test_load_gives_a_row_per_record_with_the_columns_it_documents(results: Path) -> None:
    frame = bench.load(results)
    assert list(frame["status"]) == ["done", "done", "error"]
    assert list(frame["test_accuracy"][:2]) == pytest.approx([0.97, 0.99])
    assert pd.isna(frame["test_accuracy"][2])
    assert frame["error"][2]
    assert isinstance(frame["started_at"].dtype, pd.DatetimeTZDtype)
    documented = dict(re.findall(r"^    ``(\w+)`` +(\w+)  ", bench.load.__doc__ or "", re.MULTILINE))
    assert list(documented) == RUN_COLUMNS == list(frame.columns)
    kinds = {"str": "UO", "int": "i", "float": "f", "datetime": "M"}
    wrong = [name for name, kind in documented.items() if frame[name].dtype.kind not in kinds[kind]]
    assert wrong == []


def test_load_of_a_folder_without_records_has_the_same_columns(tmp_path: Path) -> None:
    frame = bench.load(tmp_path)
    assert frame.empty
    assert list(frame.columns) == RUN_COLUMNS


def test_a_file_that_is_no_record_is_a_warning(results: Path) -> None:
    (folder,) = (results / "runs").iterdir()
    (folder / "broken.json").write_text("{")
    for read in (bench.load, bench.show):
        with pytest.warns(UserWarning, match=r"skipped broken\.json: not a run record") as warned:
            read(results)
        assert [Path(warning.filename) for warning in warned] == [Path(__file__)], "once, and where it was called"


class Frame(HTMLParser):
    """The document inside an iframe."""

    document: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "iframe"
        self.document = dict(attrs)["srcdoc"]


def test_show_is_the_page_to_a_notebook_and_text_to_a_terminal(results: Path) -> None:
    report = bench.show(str(results))
    assert repr(report) == str(report) == render(results).terminal_text()
    frame = Frame()
    frame.feed(report._repr_html_())
    page = (results / "report.html").read_text()
    assert frame.document == page.replace("<head>", '<head><base href="about:srcdoc">')


@pytest.mark.parametrize("read", [bench.load, bench.show])
def test_a_folder_that_is_not_there_is_one_line(read: Any, tmp_path: Path) -> None:
    with pytest.raises(bench.UserError, match=r"^no results folder .*nowhere: bench\.run\(results=.*\) makes one$"):
        read(tmp_path / "nowhere")
