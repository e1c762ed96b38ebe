"""Output of the commands: rows of a table, or JSON.

Each function imports what it needs when it runs, so that no command waits for what another needs.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.common.errors import UserError, cause_of

if TYPE_CHECKING:
    from bench.records.throughput import ThroughputRecord


def save_and_print(
    results: Path, record: "ThroughputRecord", rows: Callable[["ThroughputRecord"], list[dict[str, Any]]], as_json: bool
) -> int:
    """Save the record, render the report, and print the record's rows, or all of it as JSON; gives the exit code."""
    from bench.records.throughput import save_throughput
    from bench.report import render
    from bench.runner.progress.summary import report_problems

    try:
        path = save_throughput(results, record)
    except OSError as error:
        raise UserError(f"cannot write to {results}: {cause_of(error)}; name another folder with --results") from error
    rendered = render(results)
    if as_json:
        print(record.model_dump_json(by_alias=True))
    else:
        print_rows(rows(record), as_json=False)
        print(f"saved: {path}")
    return report_problems(rendered.problems)


def print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print rows as a table, or as JSON."""
    from tabulate import tabulate

    print(json.dumps(rows) if as_json else tabulate(rows, headers="keys", intfmt=","))
