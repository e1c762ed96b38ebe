"""Other frameworks' times beside ours."""

from pathlib import Path

import pandas as pd

from bench.records.throughput import OURS, load_throughput, save_throughput
from bench.report import render
from bench.report.sections.frameworks import rows_of
from tests.support.factories import START, make_peers


def test_frameworks_stand_in_order_of_speed_as_ratios_to_ours() -> None:
    assert [(row["framework"], row["epoch, s"], row["of ours"], row["note"]) for row in rows_of(make_peers())] == [
        ("keras-tensorflow", "0.5", "0.50 [0.50, 0.50]", ""),
        (OURS, "1", "", ""),
        ("jax", "2", "2.00 [2.00, 2.00]", ""),
        ("lightning", "", "", "not installed"),
    ]


def test_the_newest_record_is_shown_and_what_is_none_is_named(tmp_path: Path) -> None:
    record = make_peers()
    save_throughput(tmp_path, record.model_copy(update={"started_at": START.replace(year=2025)}))
    path = save_throughput(tmp_path, record)
    path.with_name("foreign.json").write_text("{}")
    records, problems = load_throughput(tmp_path)
    assert records == [record]
    assert [problem.path.name for problem in problems] == ["foreign.json"]
    assert "0.50 [0.50, 0.50]" in render(tmp_path).page.read_text()
    table = pd.read_csv(tmp_path / "tables" / "peers.csv")
    assert list(table.framework) == [OURS, "jax", "lightning", "keras-tensorflow"]
