"""The command ``run``: train, run the probes, report; and the end of a command that a signal interrupts."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from bench.records.schema import Run
from bench.runner.plan import Request, make_plan
from bench.runner.progress.summary import report_failures, report_interruption, report_problems
from bench.runner.session import run_plan
from bench.runner.signals import Interrupted


def run_and_report(request: Request, as_json: bool) -> int:
    """Train the requested trials, render the report, and print it; gives the exit code.

    Raises:
        UserError: see :func:`bench.runner.plan.make_plan`.
        typer.Exit: a signal interrupted it.
    """
    plan, results = make_plan(request), request.results
    from bench.report import render  # takes seconds, which a request that is refused need not wait for

    with exit_if_interrupted(lambda: render(results).page):
        summary = run_plan(plan, between_rounds=lambda: render(results))
    rendered = render(results)
    if as_json:
        runs = {"done": summary.done, "failed": summary.failed, "already_done": summary.skipped}
        rows = {name: [_row(run) for run in part] for name, part in runs.items()}
        print(json.dumps(rows | {"report": str(rendered.page)}))
    else:
        print(rendered.terminal_text())
    return max(report_problems(rendered.problems), report_failures(summary, results))


@contextlib.contextmanager
def exit_if_interrupted(kept: Callable[[], Path]) -> Iterator[None]:
    """Turn an interruption inside into a line on standard error and the exit code of its signal.

    Args:
        kept: called then; gives the path of what was finished before.

    Raises:
        typer.Exit: with that code.
    """
    try:
        yield
    except Interrupted as interruption:
        report_interruption(interruption, kept())
        raise typer.Exit(interruption.exit_code) from None


def _row(run: Run) -> dict[str, Any]:
    return {
        "model": run.trial.model,
        "seed": run.trial.seed,
        "status": run.status,
        "error": run.error,
        "test_accuracy": run.result.test_accuracy if run.result else None,
        "record": run.stem,
        "model_flags": [flag.name for flag in run.flags],
    }
