"""What a command says when it ends, and with which exit code: problems, failures, rows of a table.

Each function imports what it needs when it runs, so that no command waits for what another needs.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench.errors import UserError, say

if TYPE_CHECKING:
    from bench.records import Measurement, Run
    from bench.runner import Summary
    from bench.signals import Interrupted
    from bench.storage import Problem

M = TypeVar("M", bound="Measurement")


def store(
    save: Callable[[Path, M], Path], results: Path, record: M, rows: Callable[[M], list[dict[str, Any]]], as_json: bool
) -> int:
    """Save the record, render the report, and print the record's rows, or all of it as JSON; gives the exit code."""
    from bench.report import render

    try:
        path = save(results, record)
    except OSError as error:
        raise UserError(f"cannot write to {results}: {error.strerror}; name another folder with --results") from error
    rendered = render(results)
    if as_json:
        print(record.model_dump_json(by_alias=True))
    else:
        print_rows(rows(record), as_json=False)
        print(f"saved: {path}")
    return report_problems(rendered.problems)


def report_interruption(interruption: "Interrupted", kept: Path) -> None:
    """One line on standard error: which signal it was, and where to find what was done before."""
    say(f"stopped by {interruption.signal_name}; what is done is in {kept}")


def report_failures(summary: "Summary", results: Path) -> int:
    """One line on standard error for each failed trial, each probe without an answer, each record that is gone again.

    Gives the exit code.
    """
    from bench.progress.lines import failure_line
    from bench.storage import run_path

    for failed in summary.failed:
        say(f"error: {failure_line(failed)}{_where_the_traceback_is(results, failed)}")
    for line in summary.unanswered:
        say(f"error: no answer: {line}")
    gone = [run for run in summary.done if not run_path(results, run).is_file()]
    for run in gone:
        say(f"error: {run_path(results, run)} was removed during the run; the same command trains it again")
    return 2 if summary.failed or summary.unanswered or gone else 0


def _where_the_traceback_is(results: Path, failed: "Run") -> str:
    from bench.storage import runs_dir

    log = runs_dir(results, failed.machine) / f"{failed.stem}.log"
    return f" (traceback in {log})" if log.exists() else ""


def report_problems(problems: Sequence["Problem"]) -> int:
    """One line each on standard error; gives the exit code."""
    for problem in problems:
        say(f"error: skipped {problem}")
    return 2 if problems else 0


def print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """As a table, or as JSON."""
    from tabulate import tabulate

    print(json.dumps(rows) if as_json else tabulate(rows, headers="keys", intfmt=","))
