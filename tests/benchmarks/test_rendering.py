from pathlib import Path

from bench.records.storage import save_run
from bench.report import render
from tests.benchmarks.conftest import Measure
from tests.support.factories import make_predictions, make_run

MODELS = tuple(f"model_{number}" for number in range(10))
SEEDS, CONDITIONS = 10, 10


def test_report_of_a_thousand_records(measure: Measure, tmp_path: Path) -> None:
    predictions = [make_predictions(0.9 + seed / 200, seed=seed) for seed in range(SEEDS)]
    for condition in range(CONDITIONS):
        for seed in range(SEEDS):
            for later, model in enumerate(MODELS):
                run = make_run(model, seed, 0.9 + seed / 200, later=later, epochs=1 + condition)
                save_run(tmp_path, run, predictions[seed], b"")
    records = len(MODELS) * SEEDS * CONDITIONS
    measure(lambda: render(tmp_path), rounds=2, threshold=0.15, records=records)
