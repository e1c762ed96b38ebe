"""The last lines of a command, and its exit code: problems, failures, an interruption."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.common.errors import say
from bench.records.schema import Run
from bench.records.storage import Problem, run_path, runs_dir
from bench.runner.progress.messages import failure_line

if TYPE_CHECKING:
    from bench.runner.signals import Interrupted
    from bench.runner.trial_runner import Summary


def report_interruption(interruption: "Interrupted", kept: Path) -> None:
    """Print which signal it was and where the finished work is, as one line on standard error."""
    say(f"stopped by {interruption.signal_name}; what is done is in {kept}")


def report_failures(summary: "Summary", results: Path) -> int:
    """Print a line on standard error for each failed trial, each failed probe, and each record that is gone again.

    Gives the exit code.
    """
    for failed in summary.failed:
        say(f"error: {failure_line(failed)}{_traceback_hint(results, failed)}")
    for line in summary.failed_probes:
        say(f"error: probe failed: {line}")
    gone = [run for run in summary.done if not run_path(results, run).is_file()]
    for run in gone:
        say(f"error: {run_path(results, run)} was removed during the run; the same command trains it again")
    return 2 if summary.failed or summary.failed_probes or gone else 0


def _traceback_hint(results: Path, failed: Run) -> str:
    log = runs_dir(results, failed.machine) / f"{failed.stem}.log"
    return f" (traceback in {log})" if log.exists() else ""


def report_problems(problems: Sequence[Problem]) -> int:
    """Print each problem as a line on standard error; gives the exit code."""
    for problem in problems:
        say(f"error: skipped {problem}")
    return 2 if problems else 0
