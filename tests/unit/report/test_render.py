import os
import xml.etree.ElementTree
from pathlib import Path

import matplotlib
import pandas as pd
import pytest

from bench.records.storage import save_run
from bench.report import render
from bench.report.elements import formatting
from tests.conftest import ROOT
from tests.support.factories import make_run
from tests.support.results import article_runs, save_runs

GOLDEN = ROOT / "tests" / "support" / "golden" / "results.md"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    failed = make_run("mlp", seed=9, status="error", later=600)
    return save_runs(tmp_path / "results", *article_runs(), failed, weights=b"weights")


def test_the_page_is_the_golden_one(results: Path) -> None:
    page = render(results).page.read_text()
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(page)
    assert page == GOLDEN.read_text()


def test_rendering_twice_gives_the_same_bytes(results: Path) -> None:
    render(results)
    first = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    render(results)
    assert {path: path.read_bytes() for path in results.rglob("*") if path.is_file()} == first


def test_plots_are_sound_svg_and_the_page_links_to_files_that_exist(results: Path) -> None:
    page = render(results).page.read_text()
    plots = sorted((results / "plots").iterdir())
    assert len(plots) == 7
    for plot in plots:
        xml.etree.ElementTree.parse(plot)
        assert f"(plots/{plot.name})" in page
    assert page.count("](plots/") == len(plots)


def test_plots_have_their_style_whatever_the_callers_is_and_leave_that_alone(results: Path) -> None:
    render(results)
    plots = {path: path.read_bytes() for path in (results / "plots").iterdir()}
    with matplotlib.rc_context({"font.size": 21, "axes.facecolor": "red"}):
        render(results)
        assert (matplotlib.rcParams["font.size"], matplotlib.rcParams["axes.facecolor"]) == (21, "red")
    assert {path: path.read_bytes() for path in (results / "plots").iterdir()} == plots


def test_tables_hold_the_numbers_behind_the_page(results: Path) -> None:
    render(results)
    tables = {path.stem: pd.read_csv(path) for path in (results / "tables").iterdir()}
    accuracy = tables["accuracy"].set_index("model")
    assert list(accuracy.index) == ["cnn", "mlp", "softmax"]
    assert accuracy.loc["mlp", "test_accuracy"] == pytest.approx(0.979)
    # scipy: t.ppf(0.975, 2) = 4.302653; std of the three = 0.001; 4.302653 * 0.001 / sqrt(3) = 0.00248414
    assert accuracy.loc["mlp", "interval_high"] - 0.979 == pytest.approx(0.00248414, rel=1e-5)
    speed = tables["speed"].set_index("model")
    assert speed.loc["cnn", "epoch_s"] == pytest.approx(8.8)
    assert speed.loc["cnn", "train_images_per_s"] == pytest.approx(60_000 / 8.8)
    assert len(tables["epochs"]) == 18
    assert len(tables["runs"]) == 10
    assert sorted(tables["runs"]["status"].unique()) == ["done", "error"]


def test_devices_of_a_system_stand_side_by_side(tmp_path: Path) -> None:
    for run in (*article_runs(), make_run("cnn", accuracy=0.9899, epoch_s=0.1, device="cuda")):
        save_run(tmp_path, run)
    page = render(tmp_path).page.read_text()
    assert "| test-cpu-0123 (cuda)" in page
    assert "| test-cpu-0123 (cpu)" in page
    assert page.count("### Accuracy\n") == 1


def test_a_folder_without_finished_runs_says_what_to_do(tmp_path: Path) -> None:
    save_run(tmp_path, make_run(status="interrupted"))
    page = render(tmp_path).page.read_text()
    assert "No finished run yet: `make bench`" in page
    assert "worker killed by SIGKILL" in page


def test_without_predictions_the_digits_are_left_out(tmp_path: Path) -> None:
    save_run(tmp_path, make_run())
    assert "Right and wrong digits" not in render(tmp_path).page.read_text()


def test_text_from_a_record_cannot_break_the_page() -> None:
    assert formatting.escape("a|b\n<script>`x`*") == "a\\|b &lt;script>\\`x\\`\\*"


def test_a_reason_that_looks_like_a_formula_is_text_in_the_tables(tmp_path: Path) -> None:
    failed = make_run("mlp", status="error").model_copy(update={"error": '=HYPERLINK("x")'})
    save_run(tmp_path, failed)
    render(tmp_path)
    assert pd.read_csv(tmp_path / "tables" / "runs.csv")["error"].tolist() == ['\'=HYPERLINK("x")']
