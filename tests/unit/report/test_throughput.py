"""What the report makes of hand-written times."""

from pathlib import Path

import pandas as pd
import pytest
from tabulate import tabulate

from bench.records.storage import save_run
from bench.records.throughput import (
    load_throughput,
    save_throughput,
)
from bench.report import render
from bench.report.sections.throughput import article_loop_table, headline_rows, terminal_rows, throughput_table
from tests.support.factories import make_run, make_speed, without_flops


def test_the_table_follows_from_the_times() -> None:
    """Epochs of 30, 40, 20 s against 10 s; 128 images in 0.01 s at 1e6 FLOPs and 1e5 bytes each."""
    (row,) = headline_rows(make_speed())
    assert row == {
        "model": "cnn",
        "article's loop, s/epoch": "30",
        "ours, s/epoch": "10",
        "times as fast": "3.0 [3.0, 3.0]",
        "training, images/s": "12,800",
        "of peak FLOP/s, %": "13",  # 12,800 images/s of 1e6 FLOPs, of 1e11
        "of copy bandwidth, %": "6",  # 12,800 images/s of 1e5 bytes, of 2e10
        "inference, images/s": "128,000",
        "one image, ms": "0.1",
        "memory, MB": "500",
    }


def test_the_terminal_gets_80_columns() -> None:
    table = tabulate(terminal_rows(make_speed()), headers="keys")
    assert "3.0 [3.0, 3.0]" in table
    assert max(map(len, table.splitlines())) <= 80


def test_the_csv_has_timms_columns() -> None:
    table = throughput_table([make_speed()])
    assert list(table.columns[:9]) == [
        "model", "train_samples_per_sec", "train_step_time", "train_batch_size", "param_count",
        "infer_samples_per_sec", "infer_step_time", "infer_batch_size", "infer_gmacs",
    ]  # fmt: skip
    row = table[table.train_batch_size == 128].iloc[0]
    assert (row.train_samples_per_sec, row.train_step_time, row.infer_step_time) == (12_800, 10.0, 1.0)
    assert (row.param_count, row.infer_gmacs) == (0.421642, 0.00015)
    ratios = article_loop_table([make_speed()]).iloc[0]
    assert [ratios.ratio, ratios.ratio_low, ratios.ratio_high, ratios.rounds] == pytest.approx([3, 3, 3, 5])


def test_the_page_shows_speed_with_its_pictures(tmp_path: Path) -> None:
    save_throughput(tmp_path, make_speed())
    rendered = render(tmp_path)
    assert "3.0 [3.0, 3.0]" in rendered.page.read_text()
    assert {path.stem.rpartition("-")[2] for path in (tmp_path / "plots").iterdir()} == {"size", "roofline"}
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {"article_loop.csv", "throughput.csv"}


def test_a_model_timed_at_other_sizes_alone_has_empty_cells(tmp_path: Path) -> None:
    record = make_speed()
    other = [time.model_copy(update={"batch_size": 8}) for time in record.models[0].step_times[:2]]
    bare = record.models[0].model_copy(update={"step_times": other})
    save_throughput(tmp_path, record.model_copy(update={"models": [bare]}))
    (row,) = headline_rows(load_throughput(tmp_path)[0][0])
    assert [row[name] for name in ("training, images/s", "of peak FLOP/s, %", "of copy bandwidth, %")] == ["", "", ""]
    assert row["one image, ms"] == ""
    assert render(tmp_path).problems == []


def test_flops_that_cannot_be_counted_are_empty_cells_and_the_rest_is_shown(tmp_path: Path) -> None:
    cnn = without_flops(make_speed()).models[0].model_copy(update={"model": "lstm"})
    record = make_speed().model_copy(update={"models": [*make_speed().models, cnn]})
    save_throughput(tmp_path, record)
    counted, lstm = headline_rows(load_throughput(tmp_path)[0][0])
    assert (lstm["of peak FLOP/s, %"], lstm["of copy bandwidth, %"], lstm["training, images/s"]) == ("", "6", "12,800")
    assert {**counted, "model": "lstm", "of peak FLOP/s, %": ""} == lstm
    assert render(tmp_path).problems == []
    (roofline,) = (tmp_path / "plots").glob("*-roofline.svg")
    assert "cnn, training" in roofline.read_text()
    assert "lstm" not in roofline.read_text(), "a point would need its FLOPs"
    gmacs = pd.read_csv(tmp_path / "tables" / "throughput.csv").set_index("model")["infer_gmacs"]
    assert (set(gmacs["cnn"]), gmacs["lstm"].isna().all()) == ({0.00015}, True)
    save_throughput(tmp_path / "alone", without_flops(make_speed()))
    assert render(tmp_path / "alone").problems == []


def test_a_model_has_one_colour_in_runs_and_speed(tmp_path: Path) -> None:
    save_run(tmp_path, make_run("cnn"))
    save_throughput(tmp_path, make_speed())
    render(tmp_path)
    pictures = {path.name: path.read_text().lower() for path in (tmp_path / "plots").iterdir()}
    assert len(pictures) >= 4
    assert all("#d55e00" in svg for name, svg in pictures.items() if "digits" not in name and "confusion" not in name)
