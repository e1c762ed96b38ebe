import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.common.atomic import write_atomically
from bench.records.schema import Epoch, Run, trial_id
from bench.records.storage import latest_done, load_predictions, load_runs, runs_dir, save_run
from tests.support.factories import DATA, MACHINE, make_predictions, make_run, make_trial

fractions = st.floats(0, 1)
seconds = st.floats(0, 1e6)
losses = st.none() | st.floats(0, 1e6)
epochs = st.builds(
    Epoch,
    epoch=st.integers(1, 1000),
    train_s=seconds,
    eval_s=seconds,
    train_loss=losses,
    test_loss=losses,
    test_accuracy=fractions,
)
runs = st.builds(
    lambda history, seed, device, error, facts: make_run(seed=seed, status="error", device=device).model_copy(
        update={"epochs": history, "error": error, "environment": facts}
    ),
    st.lists(epochs, max_size=5),
    st.integers(0, 2**31),
    st.sampled_from(["cpu", "cuda", "mps"]),
    st.text(max_size=200),
    st.dictionaries(st.text(max_size=20), st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()),
)


@given(runs)
def test_a_record_survives_json(run: Run) -> None:
    assert Run.model_validate_json(run.model_dump_json(by_alias=True)) == run


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=8))
@settings(max_examples=50)
def test_no_other_json_is_taken_for_a_record(value: object) -> None:
    with pytest.raises(ValidationError):
        Run.model_validate_json(json.dumps(value))


def change(**changes: object) -> str:
    return json.dumps(json.loads(make_run().model_dump_json(by_alias=True)) | changes)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "EOF"),
        ("{", "EOF"),
        ("[]", "object"),
        ("\ud800".encode("utf-8", "surrogatepass"), "Invalid JSON"),
        (change(schema=8), "schema"),
        (change(status="fine"), "status"),
        (change(extra=1), "extra"),
        (change(result=None), "a done run needs result"),
        (change(epochs=[]), "2 epochs lists 0"),
        (change(status="error"), "needs its error"),
        (change(trial=json.loads(make_trial().model_dump_json()) | {"model": "../../etc/passwd"}), "trial.model"),
        (change().replace("0.99", "NaN"), "number"),
        (change().replace("0.99", "1.01"), "less than or equal to 1"),
    ],
)
def test_what_is_no_record_is_named_skipped_and_kept(tmp_path: Path, content: str | bytes, reason: str) -> None:
    save_run(tmp_path, make_run())
    foreign = tmp_path / "runs" / "foreign.json"
    foreign.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = foreign.read_bytes()
    runs, problems = load_runs(tmp_path)
    assert runs == [make_run()]
    assert [problem.path for problem in problems] == [foreign]
    assert reason in problems[0].reason
    assert "\n" not in str(problems[0])
    assert foreign.read_bytes() == before


def test_a_folder_without_records_is_empty(tmp_path: Path) -> None:
    assert load_runs(tmp_path / "nothing") == ([], [])


def test_not_finite_is_never_written() -> None:
    with pytest.raises(ValidationError):
        make_run(accuracy=math.nan)


def test_the_latest_done_run_of_a_trial_wins_on_each_machine() -> None:
    old, new = make_run(accuracy=0.9), make_run(accuracy=0.8, later=60)
    failed = make_run(status="error", later=120)
    elsewhere = make_run(machine=MACHINE.model_copy(update={"id": "ffffffff"}))
    winners = latest_done([new, failed, old, elsewhere])
    assert {run.machine.id: run for run in winners} == {new.machine.id: new, "ffffffff": elsewhere}


def test_trial_id_is_what_the_run_is_about() -> None:
    base = trial_id(make_trial(), DATA)
    assert trial_id(make_trial(suite="quick", threads=64), DATA) == base
    for difference in ({"seed": 1}, {"model": "mlp"}, {"epochs": 3}, {"precision": "bf16"}, {"device": "cuda"}):
        assert trial_id(make_trial(**difference), DATA) != base, difference
    assert trial_id(make_trial(), DATA.model_copy(update={"sha256": {"other": "1" * 64}})) != base


def test_predictions_stand_beside_the_record(tmp_path: Path) -> None:
    run, predictions = make_run(), make_predictions()
    path = save_run(tmp_path, run, predictions, b"weights")
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".json", ".npz", ".safetensors"]
    loaded = load_predictions(tmp_path, run)
    assert loaded is not None
    for name in vars(predictions):
        assert np.array_equal(getattr(loaded, name), getattr(predictions, name)), name
    assert loaded.correct.mean() == 0.9


@pytest.mark.parametrize("content", [None, b"", b"not a zip", b"PK\x03\x04 broken"])
def test_predictions_that_are_gone_or_broken_are_none(tmp_path: Path, content: bytes | None) -> None:
    run = make_run()
    save_run(tmp_path, run, make_predictions(), b"")
    assert run.artifacts is not None
    path = runs_dir(tmp_path, run.machine) / run.artifacts.predictions
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert load_predictions(tmp_path, run) is None


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("file", "old")]


def test_predictions_of_another_size_are_not_used(tmp_path: Path) -> None:
    run = make_run()
    save_run(tmp_path, run, make_predictions(size=500), b"")
    assert load_predictions(tmp_path, run) is None
