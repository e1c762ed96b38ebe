"""Results folders of hand-written runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.records.schema import Run
from bench.records.storage import save_run
from tests.support.factories import make_predictions, make_run


def save_runs(results: Path, *runs: Run, weights: bytes = b"", draw: int = 0) -> Path:
    """Each run with predictions that are right as often as it says, on images drawn anew, from ``draw`` on."""
    for number, run in enumerate(runs):
        predictions = make_predictions(run.result.test_accuracy, seed=draw + number) if run.result else None
        save_run(results, run, predictions, weights)
    return results


def build_results(
    results: Path, accuracies: Mapping[str, float | Sequence[float]], seeds: int = 1, draw: int = 0, **changes: Any
) -> list[Run]:
    """Save ``seeds`` runs of each model, or one for each of its accuracies; ``changes`` are those of ``make_run``."""
    runs = [
        make_run(model, seed, accuracy, **changes)
        for model, given in accuracies.items()
        for seed, accuracy in enumerate([given] * seeds if isinstance(given, float) else given)
    ]
    save_runs(results, *runs, draw=draw)
    return runs


def measured_files(folder: Path) -> dict[str, bytes]:
    """Everything that is no part of the report."""
    report = {"tables", "plots", "README.md", "report.html"}
    paths = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {str(name): path.read_bytes() for name, path in paths.items() if name.parts[0] not in report}


ACCURACIES = {"softmax": (0.92, 0.922, 0.921), "mlp": (0.978, 0.979, 0.98), "cnn": (0.99, 0.991, 0.9905)}
EPOCH_S = {"softmax": 0.2, "mlp": 0.8, "cnn": 8.0}


def article_runs() -> list[Run]:
    return [
        make_run(model, seed, accuracy, EPOCH_S[model] * (1 + seed / 10), later=60.0 * seed)
        for model, accuracies in ACCURACIES.items()
        for seed, accuracy in enumerate(accuracies)
    ]
