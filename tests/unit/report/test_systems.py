"""A report is about one system; all others stand in one section."""

from pathlib import Path

import pandas as pd
import pytest

from bench.common.errors import UserError
from bench.records.machines import Machine, System
from bench.records.schema import Run
from bench.records.timing import save_timing
from bench.report import Rendered, render
from bench.report.elements.blocks import Table
from bench.report.sections import systems
from bench.report.sections.systems import main_system
from tests.support.factories import MACHINE, make_run
from tests.support.results import save_runs
from tests.support.timings import make_timing

EPYC = System(cpu_model="AMD EPYC", cpu_family=25, instruction_set="AVX512", logical_cpus=2)
BOXES = [Machine(slug="amd-epyc-2cpu", id=f"{number}000beef", system=EPYC) for number in range(3)]


def test_boxes_of_a_kind_share_their_rows_and_seeds(tmp_path: Path) -> None:
    seeds = [make_run("cnn", seed, 0.99, machine=BOXES[seed % 3], later=float(seed)) for seed in range(6)]
    twice = make_run("cnn", 0, 0.97, machine=BOXES[1], later=99.0)
    rendered = render_runs(tmp_path, *seeds, twice)
    (comparison,) = rendered.document.comparisons
    (group,) = comparison.groups
    assert group.location == "amd-epyc-2cpu-avx512 (cpu)"
    assert group.seeds == (0, 1, 2, 3, 4, 5)
    assert group.accuracies[0] == 0.97, "of one seed on one system the newest run"
    assert group.machines == 3
    (row,) = (row for block in systems.section(seeds, []).blocks if isinstance(block, Table) for row in block.rows)
    assert (row["hardware"], row["machines"], row["runs"]) == (EPYC.words, "3", "6")


def test_others_stand_in_one_section_and_in_the_csv(tmp_path: Path) -> None:
    here = [make_run(model, seed) for model in ("cnn", "mlp") for seed in range(3)]
    there = [make_run("cnn", seed, 0.5, machine=BOXES[0]) for seed in range(5)]
    rendered = render_runs(tmp_path, *here, *there)
    page = rendered.page.read_text()
    before, _, after = page.partition("## On other systems")
    assert "50.00" not in before
    assert "50.00 ± 0.00" in after
    assert "amd-epyc-2cpu-avx512 (cpu)" in after
    table = pd.read_csv(tmp_path / "tables" / "accuracy.csv")
    assert set(table["system"]) == {"amd-epyc-2cpu-avx512 (cpu)", "test-cpu-0123 (cpu)"}
    assert "on other systems" in rendered.terminal_text()


def test_another_system_can_be_asked_for(tmp_path: Path) -> None:
    runs = [make_run("cnn", seed) for seed in range(3)] + [make_run("cnn", 0, 0.5, machine=BOXES[0])]
    save_runs(tmp_path, *runs)
    document = render(tmp_path, "amd-epyc-2cpu-avx512").document
    assert document.comparisons[0].locations == ["amd-epyc-2cpu-avx512 (cpu)"]
    with pytest.raises(UserError, match="unknown system 'amd-epyc': did you mean 'amd-epyc-2cpu-avx512'"):
        render(tmp_path, "amd-epyc")


def test_a_machine_of_before_is_no_box_of_a_known_kind() -> None:
    runs = [make_run(machine=BOXES[0]), make_run(machine=Machine(slug="amd-epyc-2cpu", id="a4f60000"))]
    assert {run.machine.label for run in runs} == {"amd-epyc-2cpu-avx512", "amd-epyc-2cpu-a4f6"}


def test_the_system_with_the_most_finished_runs_counts_then_the_newest() -> None:
    here, there = make_run(), make_run(machine=BOXES[0], later=9.0)
    assert main_system([here, there]) == BOXES[0].label
    assert main_system([here, make_run(seed=1), there]) == MACHINE.label
    assert main_system([make_run(status="error")]) is None


def render_runs(results: Path, *runs: Run) -> Rendered:
    save_runs(results, *runs)
    return render(results)


def test_how_far_apart_the_boxes_of_a_kind_are_is_said(tmp_path: Path) -> None:
    save_runs(tmp_path, *(make_run("cnn", seed, machine=BOXES[seed]) for seed in range(2)))
    for number, image_us in enumerate((100.0, 125.0)):
        save_timing(tmp_path, make_timing({"cnn": [image_us] * 8}, machine=BOXES[number]))
    page = render(tmp_path).page.read_text()
    assert "Machines of this kind differ, in images/s: cnn 8,000 to 10,000 on 2 machines." in page
