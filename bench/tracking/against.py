"""The working tree held against a commit: both are measured in turn, in several pairs of processes, and judged."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.common.atomic import write_atomically
from bench.common.errors import UserError, cause_of
from bench.common.untrusted import make_folder
from bench.records.machines import Machine
from bench.records.schema import Git
from bench.runner.allocator import allocator_settings
from bench.runner.signals import signals_raise
from bench.tracking.pytest_process import CASES, CHECKOUT, nothing_called, written_by_pytest
from bench.tracking.turns import Measured, Source, measure_in_turn, open_sides
from bench.tracking.verdicts import Judged, PairOfProcesses, judge, to_confirm, turns_of
from bench.tracking.worktree import worktree_of

FOLDER = "comparisons"
"""Below the results folder; one folder per machine in it, and one per comparison in that: never read as history."""

OnCase = Callable[[int, int, int, str], object]
"""Called when a benchmark begins: the number of the pair of processes, that of the benchmark, how many, its name."""


@dataclass(frozen=True)
class Comparison:
    """All benchmarks that both sides have, the others by name, and the folder with both sides' files."""

    commit: str
    judged: list[Judged]
    measured: Measured
    saved: Path


def compare_with_commit(
    revision: str, only: str | None, results: Path, machine: Machine, git: Git, on_case: OnCase
) -> Comparison:
    """Measure ``revision`` and the working tree in turn, and save both sides.

    Args:
        only: pytest's expression for ``-k``, for both.
        git: commit and state of the working tree.

    Raises:
        UserError: no such commit, or it has not the benchmarks; a side fails or hangs; the results cannot be written.
        Interrupted: a signal came; no process, no worktree and no file is left.
    """
    with (
        signals_raise(),
        tempfile.TemporaryDirectory(prefix="mnist-bench-") as temporary,
        worktree_of(CHECKOUT, revision, CASES) as worktree,
        allocator_settings(),
    ):
        folder = Path(temporary)
        sources = (
            Source(f"{revision} ({worktree.commit[:12]})", worktree.folder, f"before_{worktree.commit}"),
            Source("the working tree", CHECKOUT, f"after_{git.commit}{'_uncommitted-changes' if git.dirty else ''}"),
        )
        measured, pairs = _measure(sources, only, folder, on_case)
        if not pairs:
            raise _nothing_in_common(revision, only, measured)
        saved = _save(results, machine, worktree.commit, written_by_pytest(folder))
    return Comparison(worktree.commit, judge(pairs), measured, saved)


def _measure(
    sources: Sequence[Source], only: str | None, storage: Path, on_case: OnCase
) -> tuple[Measured, list[PairOfProcesses]]:
    """Measure all benchmarks in one pair of processes, and in more of them those that seem to have changed."""

    def measure(number: int, chosen: list[str] | None) -> Measured:
        with (
            tempfile.TemporaryDirectory(prefix="mnist-bench-") as logs,
            open_sides(sources, only, storage, Path(logs)) as sides,
        ):
            return measure_in_turn(sides, chosen, lambda *case: on_case(number, *case))

    first = measure(1, None)
    pairs = _pairs(storage) if first.both else []
    while pairs and (chosen := to_confirm(pairs)):
        measure(len(pairs) + 1, chosen)
        pairs = _pairs(storage)
    return first, pairs


def _pairs(storage: Path) -> list[PairOfProcesses]:
    turns = [turns_of(json.loads(path.read_bytes())) for path in written_by_pytest(storage)]
    return [PairOfProcesses(before, after) for before, after in zip(turns[::2], turns[1::2], strict=True)]


def _nothing_in_common(revision: str, only: str | None, measured: Measured) -> UserError:
    if not measured.only_before and not measured.only_after:
        return nothing_called(only)
    return UserError(f"{revision} and the working tree have no benchmark in common that both run")


def _save(results: Path, machine: Machine, commit: str, written: list[Path]) -> Path:
    folder = results / FOLDER / machine.name / f"{datetime.now(UTC):%Y%m%d_%H%M%S}_{commit[:12]}"
    try:
        make_folder(results, folder)
        for path in written:
            write_atomically(folder / path.name, path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot write {folder}: {cause_of(error)}; name another folder with --results") from error
    return folder
