"""What the report makes of answers on distorted images."""

from pathlib import Path

import pandas as pd
import pytest

from bench.analysis.groups import group_by_condition
from bench.records.probes import load_probes, save_probe
from bench.records.schema import Run
from bench.report import render
from bench.report.elements.probe_results import collect_results
from bench.report.sections.distortion import corruption_error, corruptions_of, verdict_rows
from tests.support.factories import make_probe
from tests.support.results import build_results


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    return build_results(tmp_path, {"mlp": 0.99, "cnn": 0.99})


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
        results = collect_results(group_by_condition(load_all(folder))[0], "distortion", load_probes(folder)[0])
        return list(verdict_rows(sorted(results, key=lambda result: result.group.model))[0].values())

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
