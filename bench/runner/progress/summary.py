"""What is said when a command ends, and with which exit code: problems, failures, how it was interrupted."""

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
    """One line on standard error: which signal it was, and where to find what was done before."""
    say(f"stopped by {interruption.signal_name}; what is done is in {kept}")


def report_failures(summary: "Summary", results: Path) -> int:
    """One line on standard error for each failed trial, each probe without an answer, each record that is gone again.

    Gives the exit code.
    """
    for failed in summary.failed:
        say(f"error: {failure_line(failed)}{_where_the_traceback_is(results, failed)}")
    for line in summary.unanswered:
        say(f"error: no answer: {line}")
    gone = [run for run in summary.done if not run_path(results, run).is_file()]
    for run in gone:
        say(f"error: {run_path(results, run)} was removed during the run; the same command trains it again")
    return 2 if summary.failed or summary.unanswered or gone else 0


def _where_the_traceback_is(results: Path, failed: Run) -> str:
    log = runs_dir(results, failed.machine) / f"{failed.stem}.log"
    return f" (traceback in {log})" if log.exists() else ""


def report_problems(problems: Sequence[Problem]) -> int:
    """One line each on standard error; gives the exit code."""
    for problem in problems:
        say(f"error: skipped {problem}")
    return 2 if problems else 0
