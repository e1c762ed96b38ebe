"""Two folders of hand-written records held against each other."""

from pathlib import Path
from typing import Any

import pytest

from bench.analysis.noise_floor import noise_floors, noise_key, noise_runs
from tests.support.comparison import changes, cnn
from tests.support.factories import MACHINE, flagged, make_run
from tests.support.results import save_runs


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return save_runs(tmp_path / "base", *cnn())


def test_the_same_records_have_not_changed(base: Path) -> None:
    by_name = changes(base, base)
    assert {change.mark for change in by_name.values()} == {""}
    assert {change.note for change in by_name.values()} == {"the same records"}


def test_flags_of_either_side_are_said(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *(flagged(run) if run.trial.seed == 1 else run for run in cnn(later=100)))
    assert {change.note for change in changes(base, new).values()} == {"flagged in NEW: no_logits"}
    assert {change.note for change in changes(new, new).values()} == {
        "the same records; flagged in BASE: no_logits; flagged in NEW: no_logits"
    }


@pytest.mark.parametrize(
    ("metric", "change", "mark"),
    [
        ("epoch_s", {"slower": 1.3}, "+"),
        ("epoch_s", {"slower": 0.7}, "-"),
        ("epoch_s", {"slower": 1.05}, ""),  # below the 10 % from which on a difference between two days is shown
        ("test_accuracy", {"accuracy": 0.95}, "+"),
        ("test_accuracy", {"accuracy": 0.9999}, "-"),
        ("test_accuracy", {"accuracy": 0.9901}, ""),
    ],
)
def test_the_mark_knows_which_direction_is_better(
    tmp_path: Path, base: Path, metric: str, change: dict[str, float], mark: str
) -> None:
    by_name = changes(base, save_runs(tmp_path / "new", *cnn(later=100, **change), draw=10))
    assert by_name[f"cnn.{metric}"].mark == mark


def test_a_large_change_that_may_be_chance_is_shown_and_marked(tmp_path: Path, base: Path) -> None:
    slow_once = [make_run("cnn", seed, 0.99, second, later=100) for seed, second in enumerate((10.0, 18.0, 19.0))]
    change = changes(base, save_runs(tmp_path / "new", *slow_once))["cnn.epoch_s"]
    assert change.change > 0.5
    assert change.p_value > 0.05
    assert change.mark == "~"


def test_one_seed_is_never_significant(tmp_path: Path) -> None:
    one = save_runs(tmp_path / "base", *cnn(seeds=1))
    other = save_runs(tmp_path / "new", *cnn(3.0, 0.5, seeds=1, later=9))
    assert {change.mark for change in changes(one, other).values()} == {"~", ""}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"precision": "bf16"}, "precision fp32 -> bf16"),
        ({"device": "cuda"}, "device cpu -> cuda"),
        ({"epochs": 3}, "epochs 2 -> 3"),
        ({"learning_rate": 0.1}, "learning_rate 0.001 -> 0.1"),
        ({"machine": MACHINE.model_copy(update={"id": "ffffffff"})}, "system test-cpu-0123 -> test-cpu-ffff"),
    ],
)
def test_what_may_not_be_compared_is_marked_and_not_compared(
    tmp_path: Path, base: Path, changed: dict[str, Any], reason: str
) -> None:
    by_name = changes(base, save_runs(tmp_path / "new", *cnn(2.0, **changed)))
    assert list(by_name) == ["cnn.all"]
    assert by_name["cnn.all"].mark == "x"
    assert reason in by_name["cnn.all"].note


def test_other_threads_are_another_speed_but_the_same_accuracy(tmp_path: Path, base: Path) -> None:
    by_name = changes(base, save_runs(tmp_path / "new", *cnn(0.5, threads=4)))
    assert (by_name["cnn.epoch_s"].mark, by_name["cnn.epoch_s"].note) == ("x", "threads 2 -> 4")
    assert by_name["cnn.test_accuracy"].mark == ""


def test_other_threads_are_seen_seed_by_seed(tmp_path: Path) -> None:
    base = save_runs(tmp_path / "base", make_run("cnn", 0, threads=2), make_run("cnn", 1, threads=4))
    new = save_runs(tmp_path / "new", make_run("cnn", 0, threads=4), make_run("cnn", 1, threads=2))
    assert changes(base, new)["cnn.epoch_s"].mark == "x", "both sides have runs of 2 and of 4"


def test_a_number_that_a_record_lacks_is_not_comparable(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *(run.model_copy(update={"memory": None}) for run in cnn(later=9)))
    change = changes(base, new)["cnn.peak_bytes"]
    assert (change.mark, change.note) == ("x", "not recorded in NEW")
    assert changes(new, new)["cnn.peak_bytes"].note == "not recorded in BASE and NEW"


def test_what_only_one_side_has_is_named(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", make_run("mlp"), make_run("cnn", seed=7))
    assert {name: change.note for name, change in changes(base, new).items()} == {
        "cnn.all": "no seed in common: 0, 1, 2 -> 7",
        "mlp.all": "only in NEW",
    }
    assert changes(new, base)["mlp.all"].note == "only in BASE"


def test_a_seed_that_one_side_lacks_is_said(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(seeds=2))
    assert {change.note for change in changes(base, new).values()} == {"seed 2 only in BASE"}
    assert {change.note for change in changes(new, base).values()} == {"seed 2 only in NEW"}


def test_a_failure_is_seen_and_so_is_its_end(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(seeds=2), make_run("cnn", 2, later=50, status="diverged"))
    assert changes(base, new)["cnn.status"].mark == "!"
    assert "seed 2 diverged" in changes(base, new)["cnn.status"].note
    assert changes(new, base)["cnn.status"].mark == "*"
    assert changes(base, new)["cnn.epoch_s"].mark == "", "the other seeds are still compared"


def test_an_interrupted_run_says_nothing(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(), make_run("cnn", 2, later=50, status="interrupted"))
    assert "cnn.status" not in changes(base, new)


def test_the_floor_decides_what_is_large(tmp_path: Path, base: Path) -> None:
    new = save_runs(tmp_path / "new", *cnn(1.3, later=9))
    save_runs(new / "noise", *(make_run("cnn", epoch_s=seconds, later=seconds) for seconds in (10.0, 14.0)))
    assert changes(base, new)["cnn.epoch_s"].mark == "", "30 % slower, where nothing at all can make 40 %"


def test_only_repeats_of_the_same_code_make_a_floor(tmp_path: Path) -> None:
    repeats = [make_run("cnn", epoch_s=seconds, later=seconds) for seconds in (10.0, 11.0)]
    other_code = make_run("cnn", epoch_s=20.0).model_copy(update={"key": "f" * 16})
    floors = noise_floors([*repeats, other_code])
    assert floors[noise_key(other_code), "epoch_s"].change == pytest.approx(0.1)
    assert floors[noise_key(other_code), "test_accuracy"].change == 0
    assert noise_floors([other_code]) == {}
    assert noise_runs(tmp_path) == []
