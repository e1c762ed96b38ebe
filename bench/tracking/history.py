"""The runs of this machine: the benchmarks are run, held against the accepted baseline and saved."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common.errors import UserError, cause_of, say
from bench.records.pytest_benchmarks import (
    ACCEPTED,
    SavedRun,
    file_run,
    parse_run,
    read_accepted,
    read_runs,
    write_accepted,
)
from bench.runner.allocator import allocator_settings
from bench.runner.environment import read_git
from bench.tracking.baseline import (
    Baseline,
    Step,
    Vanished,
    compare,
    find_baselines,
    find_vanished,
    surroundings_changed,
)
from bench.tracking.pytest_process import (
    CHECKOUT,
    check_passed,
    name_for,
    pytest_command,
    pytest_environment,
    written_by_pytest,
)


@dataclass(frozen=True)
class Tracked:
    """One run held against the baseline: each of its cases, the cases that are gone, and the file it was saved as."""

    steps: list[Step]
    vanished: list[Vanished]
    baselines: dict[str, Baseline]
    saved: Path


def track(results: Path, folder: Path, only: str | None) -> Tracked:
    """Run the benchmarks, save them in ``folder`` below ``results``, and compare them with the baseline there.

    Raises:
        UserError: a case fails; the run cannot be saved; the baseline is of another machine or software.
    """
    runs = _read_runs(folder)
    baselines = find_baselines(runs, _read_accepted(folder))
    with tempfile.TemporaryDirectory(prefix="mnist-bench-") as storage:
        written = run_benchmarks(Path(storage), only)
        run = parse_run(json.loads(written.read_bytes()), written.name)
        try:
            saved = file_run(results, folder, written)
        except OSError as error:
            raise _cannot_write(folder, error) from error
    if changed := surroundings_changed(run, baselines):
        raise UserError(
            f"the baseline is of another machine or software ({'; '.join(changed)}): "
            f"'track --accept' makes the run that was just saved, {saved}, the new one"
        )
    return Tracked(compare(run, baselines), find_vanished(run, baselines), baselines, saved)


def run_benchmarks(storage: Path, only: str | None) -> Path:
    """Run the cases in a process of their own, with the allocator settings that training has; gives what it saved.

    Raises:
        UserError: a case failed, or none was chosen.
    """
    command = pytest_command(storage, name_for(read_git()), only)
    with allocator_settings():
        done = subprocess.run(command, cwd=CHECKOUT, stdout=sys.stderr, env=pytest_environment(), check=False)
    check_passed(done.returncode, only)
    return written_by_pytest(storage)[0]


def accept(folder: Path) -> SavedRun:
    """Make the newest run the baseline; it replaces that of all cases, or where ``--only`` chose some, of those.

    Raises:
        UserError: there is no run, or it has uncommitted changes, or the working tree has; the list cannot be written.
    """
    runs = _read_runs(folder)
    if not runs:
        raise UserError(f"there is no run to accept in {folder}: run 'track' first")
    newest = runs[-1]
    if newest.dirty:
        raise UserError(
            f"the newest run, {newest.file}, has uncommitted changes, which nobody could measure again: commit them, "
            "run 'track', then accept that"
        )
    if read_git().dirty:
        raise UserError(
            f"the working tree has uncommitted changes, which the newest run, {newest.file}, has not measured: "
            "commit or stash them first"
        )
    before = [] if not newest.deselected else [file for file in _read_accepted(folder) if file != newest.file]
    try:
        write_accepted(folder, [*before, newest.file])
    except OSError as error:
        raise _cannot_write(folder / ACCEPTED, error) from error
    return newest


def _read_runs(folder: Path) -> list[SavedRun]:
    runs, others = read_runs(folder)
    for path in others:
        say(f"warning: {path.name} is no benchmark run; passed over")
    return runs


def _read_accepted(folder: Path) -> list[str]:
    try:
        return read_accepted(folder)
    except (OSError, ValueError) as error:
        cause: Any = cause_of(error) if isinstance(error, OSError) else error
        raise UserError(f"cannot read {folder / ACCEPTED}: {cause}") from error


def _cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(f"cannot write {path}: {cause_of(error)}; name another folder with --results")
