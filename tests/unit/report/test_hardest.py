"""The hardest images and shared errors, from predictions whose errors are chosen."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.analysis.groups import group_by_condition
from bench.records.schema import Run
from bench.records.storage import Predictions, save_run
from bench.report import render
from bench.report.elements.blocks import Picture, Table
from bench.report.sections import hardest
from tests.support.factories import make_run

LABELS = np.arange(10_000, dtype=np.uint8) % 10


def predictions(*wrong: int, labels: np.ndarray = LABELS) -> Predictions:
    """Answers that are right but for some images, which get the next label."""
    predicted = labels.copy()
    predicted[list(wrong)] = (predicted[list(wrong)] + 1) % 10
    nothing = np.zeros(0, dtype=np.int64)
    return Predictions(labels, predicted, nothing, np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.float32))


WRONG = {("cnn", 0): (7, 8), ("cnn", 1): (7,), ("mlp", 0): (7, 8, 9), ("mlp", 1): (7, 30, 31, 32)}


@pytest.fixture
def runs() -> list[Run]:
    return [make_run(model, seed, 1 - len(wrong) / 10_000) for (model, seed), wrong in WRONG.items()]


def stored(runs: list[Run]) -> dict[str, Predictions]:
    return {run.stem: predictions(*WRONG[run.trial.model, run.trial.seed]) for run in runs}


def test_the_section_tells_what_no_run_gets_right_and_which_errors_are_shared(runs: list[Run]) -> None:
    (comparison,) = group_by_condition(runs)
    section = hardest.section("slug", comparison, stored(runs))
    _, finding, picture, table, _ = section.blocks
    assert finding == (
        "Of the 10,000 test images 1 are wrong in all 4 runs (2 of cnn, 2 of mlp) and 9,994 right in all of them. "
        "Of cnn's errors mlp makes 100 % too."
    )
    assert isinstance(picture, Picture)
    assert b"4 of 4" in picture.svg or b"<image" in picture.svg
    assert isinstance(table, Table)
    assert table.rows == [
        {"of the errors of": "cnn", "cnn makes too, %": "", "mlp makes too, %": "100"},
        {"of the errors of": "mlp", "cnn makes too, %": "43", "mlp makes too, %": ""},
    ]
    assert [row["image"] for row in section.rows][:2] == [7, 8]
    assert section.rows[0]["right_share"] == 0


def test_predictions_on_other_images_are_left_out(runs: list[Run]) -> None:
    (comparison,) = group_by_condition(runs)
    answers = stored(runs)
    for run in runs:
        if run.trial.model == "mlp":
            answers[run.stem] = predictions(1, labels=LABELS[:100])
    assert hardest.section("slug", comparison, answers).blocks == ()
    assert hardest.section("slug", comparison, {}).blocks == ()


def test_it_is_on_the_page_and_in_a_table_of_its_own(runs: list[Run], tmp_path: Path) -> None:
    for run in runs:
        save_run(tmp_path, run, stored([run])[run.stem], b"")
    page = render(tmp_path).page.read_text()
    assert "### The hardest digits" in page
    assert list(pd.read_csv(tmp_path / "tables" / "hardest.csv")["image"])[:2] == [7, 8]
