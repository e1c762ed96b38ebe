"""Speed: its record, what is counted, and what the report makes of hand-written times."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from tabulate import tabulate

from bench.records.storage import save_run
from bench.records.throughput import (
    ARTICLE,
    OURS,
    EpochTimes,
    Peaks,
    StepTime,
    ThroughputRecord,
    load_throughput,
    save_throughput,
)
from bench.report import render
from bench.report.sections.throughput import article_loop_table, headline_rows, terminal_rows, throughput_table
from bench.throughput.cost import traffic
from bench.throughput.step_times import BATCH_SIZES
from bench.training.flops import infer_flops_per_image
from models import create_model
from tests.conftest import ROOT
from tests.support.factories import make_peers, make_run, make_speed

OLD = ROOT / "tests" / "support" / "golden" / "speed-schema-1.json"


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = make_speed()
    path = save_throughput(tmp_path, record)
    (path.parent / "foreign.json").write_text('{"schema": 1}')
    records, problems = load_throughput(tmp_path)
    assert records == [record]
    assert [problem.path.name for problem in problems] == ["foreign.json"]


def test_a_record_of_schema_1_is_read_as_one_of_today(tmp_path: Path) -> None:
    (tmp_path / "speed").mkdir()
    shutil.copy(OLD, tmp_path / "speed")
    (record,), problems = load_throughput(tmp_path)
    assert problems == []
    assert (record.schema_version, record.folder, record.precision, record.threads) == (2, "speed", "fp32", 2)
    assert record.peaks == Peaks(matmul_flops_per_s=169576504516.72577, copy_bytes_per_s=34855631953.75372)
    assert [model.model for model in record.models] == ["cnn", "mlp", "softmax"]
    cnn = record.models[0]
    theirs = [35.19250945840423, 35.80084620046665, 33.768871081512344, 34.40434221723478, 34.50035732767819]
    ours = [15.47844822099978, 16.458097095000085, 15.551515965000362, 14.739490144999763, 12.983008440999583]
    assert cnn.times == [EpochTimes(framework=ARTICLE, epoch_s=theirs), EpochTimes(framework=OURS, epoch_s=ours)]
    first = (0.002099923000059789, 0.0018750190001810552, 0.0021648489992003306)
    step = dict(zip(("median_s", "low_quartile_s", "high_quartile_s"), first, strict=True))
    assert cnn.step_times[0] == StepTime(phase="train", batch_size=1, rounds=9, **step)
    assert cnn.cost and (cnn.cost.parameters, len(cnn.step_times)) == (421_642, 14)
    save_throughput(tmp_path / "again", record)
    assert load_throughput(tmp_path / "again") == ([record], [])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"article_epoch_s"', '"other_s"', "KeyError('article_epoch_s')"),
        ("35.19250945840423", "-1", "models.0.times.0.epoch_s.0: Input should be greater than 0"),
        ("35.19250945840423,", "", "the rounds of the article's loop and of ours are not of equal number"),
        ('"peaks"', '"other"', "other: Extra inputs are not permitted"),
        ('"schema": 1', '"schema": 3', "schema: Input should be 2"),
    ],
)
def test_a_damaged_record_of_schema_1_is_named(tmp_path: Path, before: str, after: str, said: str) -> None:
    (tmp_path / "speed").mkdir()
    (tmp_path / "speed" / "old.json").write_text(OLD.read_text().replace(before, after, 1))
    records, problems = load_throughput(tmp_path)
    assert records == []
    assert [str(problem).startswith("old.json: not a speed record (") for problem in problems] == [True]
    assert said in str(problems[0])


def test_the_newest_of_each_machine_device_and_precision_is_shown(tmp_path: Path) -> None:
    old, half = make_speed(), make_speed(precision="bf16")
    new = old.model_copy(update={"started_at": old.started_at + timedelta(days=1)})
    for record in (new, half, old):
        save_throughput(tmp_path, record)
    assert load_throughput(tmp_path)[0] == [half, new]


@pytest.mark.parametrize("epoch_s", [[1.0], []])
def test_rounds_have_both_sides(epoch_s: list[float]) -> None:
    one_sided = make_speed().model_dump(by_alias=True)
    one_sided["models"][0]["times"][0]["epoch_s"] = epoch_s
    with pytest.raises(ValidationError, match="not of equal number"):
        ThroughputRecord.model_validate(one_sided)


def test_a_record_of_speed_is_whole_and_names_a_framework_once() -> None:
    speed, peers = (record.model_dump(by_alias=True) for record in (make_speed(), make_peers()))
    with pytest.raises(ValidationError, match="together or not at all"):
        ThroughputRecord.model_validate(speed | {"peaks": None})
    with pytest.raises(ValidationError, match="together or not at all"):
        ThroughputRecord.model_validate(peers | {"peaks": speed["peaks"]})
    peers["models"][0]["times"] *= 2
    with pytest.raises(ValidationError, match="a framework twice"):
        ThroughputRecord.model_validate(peers)


def test_traffic_is_what_operations_read_and_write() -> None:
    numbers = torch.ones(1000)
    assert traffic(lambda: numbers.relu()) == 8000
    assert traffic(lambda: numbers.view(10, 100).t()) == 0, "a view moves nothing"
    assert traffic(lambda: numbers.add_(1)) == 8000


@pytest.mark.parametrize(("model", "flops"), [("softmax", 2 * 784 * 10), ("mlp", 2 * (784 * 256 + 256 * 128 + 1280))])
def test_a_forward_pass_counts_two_for_each_weight(model: str, flops: int) -> None:
    assert infer_flops_per_image(create_model(model)) == flops


def test_the_table_follows_from_the_times() -> None:
    """Epochs of 30, 40, 20 s against 10 s; 128 images in 0.01 s at 1e6 FLOPs and 1e5 bytes each."""
    (row,) = headline_rows(make_speed())
    assert row == {
        "model": "cnn",
        "article's loop, s/epoch": "30",
        "ours, s/epoch": "10",
        "times as fast": "3.0 (2.0 to 4.0)",
        "training, images/s": "12,800",
        "of peak FLOP/s, %": "13",  # 12,800 images/s of 1e6 FLOPs, of 1e11
        "of copy bandwidth, %": "6",  # 12,800 images/s of 1e5 bytes, of 2e10
        "inference, images/s": "128,000",
        "one image, ms": "0.1",
        "memory, MB": "500",
    }


def test_the_terminal_gets_80_columns() -> None:
    table = tabulate(terminal_rows(make_speed()), headers="keys")
    assert "3.0 (2.0 to 4.0)" in table
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
    assert (ratios.ratio, ratios.ratio_min, ratios.ratio_max, ratios.rounds) == (3, 2, 4, 3)


def test_the_page_shows_speed_with_its_pictures(tmp_path: Path) -> None:
    save_throughput(tmp_path, make_speed())
    rendered = render(tmp_path)
    assert "3.0 (2.0 to 4.0)" in rendered.page.read_text()
    assert {path.stem.rpartition("-")[2] for path in (tmp_path / "plots").iterdir()} == {"size", "roofline"}
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {"article_loop.csv", "throughput.csv"}


def test_a_model_timed_at_other_sizes_alone_has_empty_cells(tmp_path: Path) -> None:
    record = make_speed()
    other = [time.model_copy(update={"batch_size": 8}) for time in record.models[0].step_times[:2]]
    bare = record.models[0].model_copy(update={"step_times": other})
    save_throughput(tmp_path, record.model_copy(update={"models": [bare]}))
    (row,) = headline_rows(load_throughput(tmp_path)[0][0])
    assert (row["training, images/s"], row["of copy bandwidth, %"], row["one image, ms"]) == ("", "", "")
    assert render(tmp_path).problems == []


def test_a_model_has_one_colour_in_runs_and_speed(tmp_path: Path) -> None:
    save_run(tmp_path, make_run("cnn"))
    save_throughput(tmp_path, make_speed())
    render(tmp_path)
    pictures = {path.name: path.read_text().lower() for path in (tmp_path / "plots").iterdir()}
    assert len(pictures) >= 4
    assert all("#d55e00" in svg for name, svg in pictures.items() if "digits" not in name and "confusion" not in name)


def test_batch_sizes_hold_the_recipes_and_a_single_image() -> None:
    assert {1, 128} <= set(BATCH_SIZES)


def test_peaks_must_be_positive() -> None:
    with pytest.raises(ValidationError):
        Peaks(matmul_flops_per_s=0, copy_bytes_per_s=1)
    assert isinstance(make_speed(), ThroughputRecord)
