"""Three seeds of the CNN, hand-written, for one side of a comparison, and machines of one kind."""

from pathlib import Path
from typing import Any

from bench.analysis.compare import Change, find_changes, open_side
from bench.records.machines import Machine, System
from bench.records.schema import Run
from tests.support.factories import make_run

EPOCH_S = (10.0, 10.2, 9.9)
EPYC = System(cpu_model="AMD EPYC", cpu_family=25, cpu_stepping=1, instruction_set="AVX512", logical_cpus=2)
OTHER_EPYC = EPYC.model_copy(update={"cpu_stepping": 2})
"""Another kind of hardware with the same name."""
BOXES = [Machine(slug="amd-epyc-2cpu", id=f"{number}000beef", system=EPYC) for number in range(3)]
"""Machines of one kind."""


def cnn(slower: float = 1.0, accuracy: float = 0.99, seeds: int = 3, **changes: Any) -> list[Run]:
    return [
        make_run("cnn", seed, accuracy, EPOCH_S[seed] * slower * (1 + (slower != 1) * seed / 500), **changes)
        for seed in range(seeds)
    ]


def changes(base: Path, new: Path, across_machines: bool = False) -> dict[str, Change]:
    """The lines of a comparison by name."""
    with open_side(str(base)) as before, open_side(str(new)) as after:
        return {change.name: change for change in find_changes(before, after, across_machines)}
