"""What the page says of exchanged columns: only where it was measured, and only what it showed."""

from pathlib import Path

from bench.records.probes import save_probe
from bench.report import render
from tests.support.factories import make_probe
from tests.support.results import build_results

ACCURACIES = {"ordered": 0.98, "permuted": 0.97, "ordered_alone": 0.02, "permuted_alone": 0.01}
COLUMNS = {"columns_logit": 20.0, "columns_answers": 0.0}


def test_columns_are_told_as_they_were_measured_or_why_they_were_not(tmp_path: Path) -> None:
    columns = {"softmax": {"columns_gap": 1e-5}, "mlp": {"columns_gap": 3.0, "columns_answers": 412.0}, "cnn": {}}
    for run in build_results(tmp_path, dict.fromkeys(columns, 0.98)):
        measured = columns[run.trial.model]
        record = make_probe(run, "permutation", **ACCURACIES, **((COLUMNS | measured) if measured else {}))
        notes = {} if measured else {"columns": "its first layer is not linear: it is *Conv2d*"}
        save_probe(tmp_path, record.model_copy(update={"notes": notes}))
    page = " ".join(render(tmp_path).page.read_text().split())
    assert (
        "it gives the same logits but for rounding: softmax 0 of 10,000 answers change, logits by at most 1e-05 "
        "(the largest is 20)." in page
    )
    assert (
        "these give other logits by more than rounding: mlp 412 of 10,000 answers change, logits by at most 3 (the "
        "largest is 20)." in page
    )
    assert (
        r"The test of exchanged columns does not apply to cnn (its first layer is not linear: it is \*Conv2d\*)."
        in page
    )


def test_of_what_was_not_measured_nothing_is_said(tmp_path: Path) -> None:
    for run in build_results(tmp_path, {"cnn": 0.99}):
        save_probe(tmp_path, make_probe(run, "permutation", **ACCURACIES))
    page = render(tmp_path).page.read_text()
    assert "pixels permuted" in page
    assert "columns" not in page.partition("Spatial structure")[2].partition("\n#")[0]
