"""The working tree held against a commit: both are measured in turn, and the pairs of rounds are judged."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.common.atomic import write_atomically
from bench.common.errors import UserError, cause_of
from bench.common.untrusted import make_folder
from bench.records.schema import Git, Machine
from bench.runner.allocator import allocator_settings
from bench.runner.signals import signals_raise
from bench.tracking.pytest_process import CASES, CHECKOUT, nothing_called, written_by_pytest
from bench.tracking.turns import Measured, Source, measure_in_turn, open_sides
from bench.tracking.verdicts import Paired, judge, rounds_of
from bench.tracking.worktree import worktree_of

FOLDER = "comparisons"
"""Below the results folder; one folder per machine in it, and one per comparison in that: never read as history."""


@dataclass(frozen=True)
class Comparison:
    """All benchmarks that both sides have, the others by name, and the folder with both sides' files."""

    commit: str
    pairs: list[Paired]
    measured: Measured
    saved: Path


def compare_with_commit(
    revision: str,
    only: str | None,
    results: Path,
    machine: Machine,
    git: Git,
    on_case: Callable[[str, int, int], object],
) -> Comparison:
    """Measure ``revision`` and the working tree in turn, and save both sides.

    Args:
        only: pytest's expression for ``-k``, for both.
        git: commit and state of the working tree.
        on_case: called with the name, the number and the total when the rounds of a case begin.

    Raises:
        UserError: no such commit, or it has not the benchmarks; a side fails or hangs; the results cannot be written.
        Interrupted: a signal came; no process, no worktree and no file is left.
    """
    with signals_raise(), _temporary_folder() as folder, worktree_of(CHECKOUT, revision, CASES) as worktree:
        sources = (
            Source(f"{revision} ({worktree.commit[:12]})", worktree.folder, f"before_{worktree.commit}"),
            Source("the working tree", CHECKOUT, f"after_{git.commit}{'_uncommitted-changes' if git.dirty else ''}"),
        )
        with allocator_settings(), open_sides(sources, only, folder) as sides:
            measured = measure_in_turn(sides, on_case)
        if not measured.both:
            raise _nothing_in_common(revision, only, measured)
        written = written_by_pytest(folder / "storage")
        before, after = (rounds_of(json.loads(path.read_bytes())) for path in written)
        saved = _save(results, machine, worktree.commit, written)
    return Comparison(worktree.commit, judge(before, after), measured, saved)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mnist-bench-") as folder:
        yield Path(folder)


def _nothing_in_common(revision: str, only: str | None, measured: Measured) -> UserError:
    if not measured.only_before and not measured.only_after:
        return nothing_called(only)
    return UserError(f"{revision} and the working tree have no benchmark in common")


def _save(results: Path, machine: Machine, commit: str, written: list[Path]) -> Path:
    folder = results / FOLDER / machine.name / f"{datetime.now(UTC):%Y%m%d_%H%M%S}_{commit[:12]}"
    try:
        make_folder(results, folder)
        for path in written:
            write_atomically(folder / path.name, path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot write {folder}: {cause_of(error)}; name another folder with --results") from error
    return folder
