"""Records of times: whole, damaged, and of the first schema."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

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
from tests.conftest import ROOT
from tests.support.factories import make_peers, make_speed, without_flops

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
    ("before", "after", "reason"),
    [
        ('"article_epoch_s"', '"other_s"', "KeyError('article_epoch_s')"),
        ("35.19250945840423", "-1", "models.0.times.0.epoch_s.0: Input should be greater than 0"),
        ("35.19250945840423,", "", "the rounds of the article's loop and of ours are not of equal number"),
        ('"peaks"', '"other"', "other: Extra inputs are not permitted"),
        ('"schema": 1', '"schema": 5', "schema: Input should be 2, 3 or 4"),
    ],
)
def test_a_damaged_record_of_schema_1_is_named(tmp_path: Path, before: str, after: str, reason: str) -> None:
    (tmp_path / "speed").mkdir()
    (tmp_path / "speed" / "old.json").write_text(OLD.read_text().replace(before, after, 1))
    records, problems = load_throughput(tmp_path)
    assert records == []
    assert [str(problem).startswith("old.json: not a speed record (") for problem in problems] == [True]
    assert reason in str(problems[0])


def test_the_newest_of_each_machine_device_and_precision_is_shown(tmp_path: Path) -> None:
    old, half = make_speed(), make_speed(precision="bf16")
    new = old.model_copy(update={"started_at": old.started_at + timedelta(days=1)})
    for record in (new, half, old):
        save_throughput(tmp_path, record)
    assert load_throughput(tmp_path)[0] == [half, new]


def test_flops_may_be_missing_and_records_from_before_that_are_read(tmp_path: Path) -> None:
    record = without_flops(make_speed())
    save_throughput(tmp_path / "new", record)
    assert load_throughput(tmp_path / "new") == ([record], [])
    old = make_speed().model_copy(update={"schema_version": 2})
    save_throughput(tmp_path / "old", old)
    assert load_throughput(tmp_path / "old") == ([old], [])


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


def test_peaks_must_be_positive() -> None:
    with pytest.raises(ValidationError):
        Peaks(matmul_flops_per_s=0, copy_bytes_per_s=1)
    assert isinstance(make_speed(), ThroughputRecord)


def test_a_record_of_other_frameworks_of_schema_1_is_read_as_one_of_today(tmp_path: Path) -> None:
    (tmp_path / "peers").mkdir()
    shutil.copy(ROOT / "tests" / "support" / "golden" / "peers-schema-1.json", tmp_path / "peers")
    (record,), problems = load_throughput(tmp_path)
    assert problems == []
    assert (record.schema_version, record.folder, record.precision, record.peaks) == (2, "peers", "fp32", None)
    assert [model.model for model in record.models] == ["softmax", "mlp", "cnn"]
    names = [OURS, "jax", "keras-tensorflow", "scikit-learn", "lightning"]
    assert [[times.framework for times in model.times] for model in record.models] == [names] * 3
    none = EpochTimes(
        framework="scikit-learn",
        versions={"scikit-learn": "1.9.1"},
        epoch_s=[],
        note="scikit-learn has no convolutions",
    )
    assert record.models[2].times[3] == none
    jax = [0.07247475861432279, 0.0794431770838144, 0.07269167768460723, 0.07998901742813412, 0.08001516826939865]
    versions = {"jax": "0.10.2", "optax": "0.2.8"}
    assert record.models[0].times[1] == EpochTimes(framework="jax", versions=versions, epoch_s=jax)
    save_throughput(tmp_path / "again", record)
    assert load_throughput(tmp_path / "again") == ([record], [])
