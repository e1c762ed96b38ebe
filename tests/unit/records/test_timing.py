from pathlib import Path

import pytest
from pydantic import ValidationError

from bench.records.timing import TimingRecord, common_rounds, load_timings, save_timing, timing_id
from tests.support.factories import DATA, make_trial
from tests.support.timings import make_timing

RECORD = make_timing({"cnn": [100.0, 110.0], "mlp": [10.0]}, keys={"cnn": "a" * 16, "mlp": "b" * 16})


def test_a_record_is_read_as_it_was_written_and_another_file_is_named(tmp_path: Path) -> None:
    path = save_timing(tmp_path, RECORD)
    assert path.parent == tmp_path / "timing" / RECORD.machine.name
    path.with_name("odd.json").write_text("{}")
    records, problems = load_timings(tmp_path)
    assert records == [RECORD]
    assert [problem.path.name for problem in problems] == ["odd.json"]


@pytest.mark.parametrize(
    "damage",
    [
        {"models": []},
        {"models": [RECORD.models[0].model_dump()] * 2},
        {"models": [RECORD.models[0].model_dump() | {"rounds": [{"images": 0, "seconds": 1.0}]}]},
        {"models": [RECORD.models[0].model_dump() | {"rounds": [{"images": 1, "seconds": 0.0}]}]},
    ],
)
def test_what_no_measurement_could_give_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TimingRecord.model_validate(RECORD.model_dump(by_alias=True) | damage)


def test_what_is_timed_does_not_depend_on_how_long_or_how_often_it_is_trained() -> None:
    base = timing_id(make_trial(), DATA)
    assert timing_id(make_trial(seed=5, epochs=9, suite="quick", threads=8), DATA) == base
    for change in ({"batch_size": 64}, {"precision": "bf16"}, {"model": "mlp"}, {"device": "cuda"}, {"train_size": 9}):
        assert timing_id(make_trial(**change), DATA) != base


def test_rounds_count_where_every_model_was_in_them() -> None:
    assert common_rounds([RECORD, RECORD], ["a" * 16]) == 4
    assert common_rounds([RECORD, RECORD], ["a" * 16, "b" * 16]) == 2
    assert common_rounds([RECORD], ["a" * 16, "c" * 16]) == 0
