"""Machines of one kind: their accuracies are compared, their times only within a machine unless that is asked for."""

from pathlib import Path

import pytest

from bench.analysis.compare import open_side
from bench.analysis.compare.pairs import ELSEWHERE
from bench.records.machines import Machine
from bench.records.schema import Run
from tests.support.comparison import BOXES, OTHER_EPYC, changes, cnn
from tests.support.factories import make_run
from tests.support.results import save_runs

RELATIVE = ("epoch_s", "eval_s", "trial_s", "peak_bytes")


def sides(tmp_path: Path, base: list[Run], new: list[Run]) -> tuple[Path, Path]:
    return save_runs(tmp_path / "base", *base), save_runs(tmp_path / "new", *new, draw=10)


def test_on_another_machine_of_the_kind_the_accuracy_is_compared_and_times_are_not(tmp_path: Path) -> None:
    new = cnn(2.0, 0.95, machine=BOXES[1], later=9)
    by_name = changes(*sides(tmp_path, cnn(machine=BOXES[0]), new))
    assert by_name["cnn.test_accuracy"].mark == "+"
    assert by_name["cnn.test_accuracy"].note == ""
    assert {(by_name[f"cnn.{name}"].mark, by_name[f"cnn.{name}"].note) for name in RELATIVE} == {("x", ELSEWHERE)}


def test_across_machines_times_are_compared_and_it_is_said(tmp_path: Path) -> None:
    new = cnn(2.0, machine=BOXES[1], later=9)
    by_name = changes(*sides(tmp_path, cnn(machine=BOXES[0]), new), across_machines=True)
    assert by_name["cnn.epoch_s"].change == pytest.approx(1, abs=0.01)
    assert by_name["cnn.epoch_s"].mark == "+"
    assert {by_name[f"cnn.{name}"].note for name in RELATIVE} == {"measured on different machines of the same kind"}


@pytest.mark.parametrize("across_machines", [False, True])
def test_another_kind_of_machine_is_never_compared(tmp_path: Path, across_machines: bool) -> None:
    other = Machine(slug="intel-xeon-2cpu", id="9000beef", system=OTHER_EPYC)
    by_name = changes(*sides(tmp_path, cnn(machine=BOXES[0]), cnn(machine=other)), across_machines=across_machines)
    assert [(change.name, change.mark) for change in by_name.values()] == [("cnn.all", "x")]
    assert by_name["cnn.all"].note == "system amd-epyc-2cpu-avx512 -> intel-xeon-2cpu-avx512"


def test_a_record_that_does_not_tell_its_hardware_is_said_to_be_one(tmp_path: Path) -> None:
    old = cnn(machine=BOXES[0].model_copy(update={"system": None}))
    by_name = changes(*sides(tmp_path, old, cnn(machine=BOXES[0])))
    assert by_name["cnn.all"].note == (
        "system amd-epyc-2cpu-0000 -> amd-epyc-2cpu-avx512; hardware not recorded in BASE"
    )


def test_times_are_of_the_machine_that_both_sides_have_and_the_accuracy_is_the_newest(tmp_path: Path) -> None:
    base = cnn(machine=BOXES[0]) + cnn(3.0, 0.98, machine=BOXES[1], later=100)
    new = cnn(1.3, 0.97, machine=BOXES[0], later=200) + cnn(5.0, 0.96, machine=BOXES[2], later=300)
    by_name = changes(*sides(tmp_path, base, new))
    assert by_name["cnn.epoch_s"].before == pytest.approx(10, abs=0.1)
    assert by_name["cnn.epoch_s"].change == pytest.approx(0.3, abs=0.01)
    assert by_name["cnn.epoch_s"].note == (
        "newest runs of BASE and NEW left out: measured on another machine of the same kind"
    )
    accuracy = by_name["cnn.test_accuracy"]
    assert (accuracy.before, accuracy.after) == (pytest.approx(0.98), pytest.approx(0.96))


def test_a_record_that_both_sides_hold_hides_no_change_elsewhere(tmp_path: Path) -> None:
    committed = cnn(machine=BOXES[0])
    folders = sides(tmp_path, committed, committed + cnn(2.0, machine=BOXES[1], later=9))
    by_name = changes(*folders)
    assert (by_name["cnn.epoch_s"].mark, by_name["cnn.epoch_s"].note) == ("x", ELSEWHERE)
    assert changes(*folders, across_machines=True)["cnn.epoch_s"].change == pytest.approx(1, abs=0.01)
    assert changes(tmp_path / "base", tmp_path / "base")["cnn.epoch_s"].note == "the same records"


def test_a_record_that_both_sides_hold_does_not_dilute_the_change_on_another_machine(tmp_path: Path) -> None:
    committed = cnn(machine=BOXES[0]) + cnn(machine=BOXES[1], later=9)
    folders = sides(tmp_path, committed, committed + cnn(1.3, machine=BOXES[1], later=99))
    change = changes(*folders)["cnn.epoch_s"]
    assert (change.change, change.note) == (pytest.approx(0.3, abs=0.01), "")


def test_of_one_machine_the_newest_run_of_a_trial_counts(tmp_path: Path) -> None:
    new = cnn(9.0, machine=BOXES[0], later=100) + cnn(1.3, machine=BOXES[0], later=200)
    change = changes(*sides(tmp_path, cnn(machine=BOXES[0]), new))["cnn.epoch_s"]
    assert change.change == pytest.approx(0.3, abs=0.01)


def test_seeds_that_changed_places_have_no_times_in_common(tmp_path: Path) -> None:
    slow, fast = 20.0, 10.0
    base = [make_run("cnn", 0, epoch_s=fast, machine=BOXES[0]), make_run("cnn", 1, epoch_s=slow, machine=BOXES[1])]
    new = [make_run("cnn", 0, epoch_s=slow, machine=BOXES[1]), make_run("cnn", 1, epoch_s=fast, machine=BOXES[0])]
    by_name = changes(*sides(tmp_path, base, new))
    assert by_name["cnn.epoch_s"].mark == "x"
    assert by_name["cnn.test_accuracy"].change == 0
    across = changes(tmp_path / "base", tmp_path / "new", across_machines=True)["cnn.epoch_s"]
    assert across.change == pytest.approx(0), "each machine has one run on each side"


def test_seeds_of_other_machines_are_left_out_and_named(tmp_path: Path) -> None:
    base = cnn(machine=BOXES[0])
    new = [*cnn(1.5, seeds=2, machine=BOXES[0], later=9), make_run("cnn", 2, epoch_s=99.0, machine=BOXES[1], later=9)]
    folders = sides(tmp_path, base, new)
    change = changes(*folders)["cnn.epoch_s"]
    assert (change.change, change.note) == (pytest.approx(0.5, abs=0.01), f"seed 2 {ELSEWHERE}")
    across = changes(*folders, across_machines=True)["cnn.epoch_s"]
    assert across.change > 1
    assert across.note == "seed 2 measured on different machines of the same kind"


def test_a_slower_machine_with_few_runs_is_not_hidden_by_the_others(tmp_path: Path) -> None:
    def runs(slow: float, later: float) -> list[Run]:
        few = [make_run("cnn", seed, epoch_s=slow, machine=BOXES[1], later=later) for seed in (3, 4)]
        return cnn(machine=BOXES[0], later=later) + few

    change = changes(*sides(tmp_path, runs(50.0, 0), runs(100.0, 9)))["cnn.epoch_s"]
    assert change.change == pytest.approx(2 ** (2 / 5) - 1), "two of five runs take twice as long"


def test_a_failure_on_another_machine_of_the_kind_is_seen(tmp_path: Path) -> None:
    new = [
        *cnn(machine=BOXES[0], later=9),
        make_run("cnn", 1, machine=BOXES[1], later=50, status="diverged"),
    ]
    by_name = changes(*sides(tmp_path, cnn(machine=BOXES[0]), new))
    assert (by_name["cnn.status"].mark, by_name["cnn.status"].note[:15]) == ("!", "seed 1 diverged")
    assert by_name["cnn.epoch_s"].mark == "", "the other seeds are still compared"


def test_a_namesake_on_one_side_hides_neither_the_system_nor_its_noise_floor(tmp_path: Path) -> None:
    namesake = Machine(slug="amd-epyc-2cpu", id="9000beef", system=OTHER_EPYC)
    folders = sides(tmp_path, cnn(machine=BOXES[0]) + cnn(machine=namesake), cnn(1.3, machine=BOXES[0], later=9))
    save_runs(
        folders[1] / "noise",
        *(make_run("cnn", epoch_s=seconds, later=seconds, machine=BOXES[0]) for seconds in (10.0, 14.0)),
    )
    with open_side(str(folders[0])) as before, open_side(str(folders[1])) as after:
        assert {run.machine.label for run in before.runs}.isdisjoint(run.machine.label for run in after.runs)
    change = changes(*folders)["cnn.epoch_s"]
    assert change.change == pytest.approx(0.3, abs=0.01)
    assert change.floor is not None
    assert change.floor.change == pytest.approx(0.4)
