"""Sections of the page that rest on probes and predictions, and the numbers in them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.analysis.groups import group_by_condition
from bench.records.probes import load_probes, save_probe
from bench.records.storage import Predictions, load_runs, save_run
from bench.report import render
from bench.report.elements.probe_results import collect_results
from bench.report.sections import confusion
from bench.report.sections.calibration import pool_bins
from bench.report.sections.sample_efficiency import images_needed
from tests.support.factories import make_predictions, make_probe, make_run
from tests.support.results import build_results


@pytest.mark.parametrize(
    ("accuracies", "goal", "needed"),
    [
        ([0.9, 0.96, 0.98], 0.95, 100 * 10 ** (5 / 6)),
        ([0.9, 0.96, 0.98], 0.98, 10_000),
        ([0.9, 0.96, 0.98], 0.9, 100),
        ([0.9, 0.96, 0.98], 0.99, np.nan),
        ([0.96, 0.94, 0.98], 0.95, 100),
    ],
)
def test_images_needed_are_interpolated_on_their_logarithm(accuracies: list[float], goal: float, needed: float) -> None:
    images = images_needed(np.array([100, 1000, 10_000]), np.array(accuracies), goal)
    assert images == pytest.approx(needed, nan_ok=True)


def test_blocks_and_samples_have_tables_and_pictures(tmp_path: Path) -> None:
    accuracies = {"mlp": 0.96, "cnn": 0.99}
    for run in build_results(tmp_path, accuracies):
        accuracy = accuracies[run.trial.model]
        blocks = {f"block_{size}": accuracy - size / 1000 for size in (14, 7, 4, 2)}
        save_probe(tmp_path, make_probe(run, "blocks", train_images=60_000, ordered=accuracy, **blocks))
        sizes = {"n_100": accuracy - 0.2, "n_1000": accuracy - 0.1, "n_60000": accuracy}
        save_probe(tmp_path, make_probe(run, "sample_efficiency", train_images=60_000, **sizes))
    page = render(tmp_path).page.read_text()
    packed = page.replace(" ", "")
    assert "|model|inorder,%|14px,%|7px,%|4px,%|2px,%|" in packed
    assert "|cnn|99.00|97.60|98.30|98.60|98.80|" in packed
    assert "|cnn|79.0|89.0|99.0|" in packed
    # nine tenths of the way from 1,000 to 60,000: 1,000 * 60 ** 0.9; six tenths: 1,000 * 60 ** 0.6
    assert "|mlp|39,842|3.4|morethan60,000||" in packed
    assert "|cnn|11,665|1.0|39,842|1.0|" in packed
    for name in ("blocks", "sample-efficiency"):
        assert any(path.name.endswith(f"-{name}.svg") for path in (tmp_path / "plots").iterdir())
    table = pd.read_csv(tmp_path / "tables" / "samples.csv")
    assert list(table["measured"]) == 2 * ["n_100", "n_1000", "n_60000"]
    assert set(table["train_images"]) == {60_000}


def test_calibration_pools_the_answers_of_all_seeds(tmp_path: Path) -> None:
    answers = [
        {"count_3": 10.0, "confidence_3": 0.2, "accuracy_3": 0.5, "count_14": 90.0, "confidence_14": 1.0},
        {"count_14": 30.0, "confidence_14": 0.96, "accuracy_14": 0.8},
    ]
    answers[0]["accuracy_14"] = 1.0
    for run, numbers in zip(build_results(tmp_path, {"mlp": 0.99}, seeds=2), answers, strict=True):
        save_probe(tmp_path, make_probe(run, "calibration", ece=0.01 * run.trial.seed, **numbers))
    (result,) = collect_results(group_by_condition(load_runs(tmp_path)[0])[0], "calibration", load_probes(tmp_path)[0])
    counts, confidences, accuracies = pool_bins(result)
    assert counts.tolist() == [10, 120]
    assert confidences == pytest.approx([0.2, 0.99])
    assert accuracies == pytest.approx([0.5, 0.95])


def test_confusion_counts_label_by_answer_per_seed() -> None:
    runs = [make_run("mlp", seed) for seed in range(2)]
    labels = np.array([0, 0, 1, 2], dtype=np.uint8)
    answers = ([0, 1, 1, 2], [0, 1, 1, 1])
    stored = {run.stem: predictions(labels, answer) for run, answer in zip(runs, answers, strict=True)}
    matrix = confusion.confusion(group_by_condition(runs)[0].groups[0], stored)
    assert matrix[0].tolist()[:3] == [1, 1, 0]
    assert matrix[2].tolist()[:3] == [0, 0.5, 0.5]
    assert matrix.sum() == 4


def predictions(labels: np.ndarray, answers: list[int]) -> Predictions:
    nothing = np.empty(0)
    return Predictions(labels, np.array(answers, dtype=np.uint8), nothing, nothing, nothing)


def test_digits_right_in_one_alone_are_counted(tmp_path: Path) -> None:
    for model, accuracy in (("mlp", 0.96), ("cnn", 0.99)):
        save_run(tmp_path, make_run(model, 0, accuracy), make_predictions(accuracy, seed=0), b"")
    page = render(tmp_path).page.read_text()
    # drawn from the same numbers, so that what the CNN gets wrong the MLP does too
    assert "Of the 10,000 test images cnn alone gets 300 right and mlp alone 0 (seed 0)." in page


def test_a_question_without_a_section_of_its_own_is_answered_all_the_same(tmp_path: Path) -> None:
    for model, ink in (("mlp", 0.5), ("cnn", 1234.0)):
        for seed, run in enumerate(build_results(tmp_path, {model: 0.9}, seeds=2)):
            save_probe(tmp_path, make_probe(run, "ink", later=seed, thick=ink + seed / 10, **{f"{model}_alone": 0.25}))
    page = render(tmp_path).page.read_text()
    assert "### Other probes" in page
    assert "**ink**: 2 seeds, the first 10,000 test images." in page
    # the t interval of two values is 12.706 standard errors: 12.706 * 0.05 = 0.64
    packed = page.replace(" ", "")
    assert "|thick|" in packed
    assert "0.55±0.64|" in packed
    assert "1,234±0.64|" in packed
    table = pd.read_csv(tmp_path / "tables" / "others.csv")
    assert sorted(table[table["measured"] == "thick"]["value"]) == [0.5, 0.6, 1234.0, 1234.1]
    assert set(table["probe"]) == {"ink"}
