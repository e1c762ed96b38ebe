"""What ``run`` and ``noise`` do once their options are read: train, ask the probes, report.

Each function imports what it needs when it runs, so that no command waits for what another needs.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.runner.plan import Plan
    from bench.runner.trial_runner import Summary


def run_and_report(plan: "Plan", as_json: bool) -> int:
    """Train what is planned, report, and give the exit code."""
    from bench.report import render
    from bench.runner.progress.summary import report_failures, report_problems

    results = plan.context.results
    summary = _run_plan(plan, on_interrupt=lambda: render(results).page, between_rounds=lambda: render(results))
    if isinstance(summary, int):
        return summary
    rendered = render(results)
    if as_json:
        print(json.dumps(_summary_json(summary, rendered.page)))
    else:
        print(rendered.terminal_text())
    return max(report_problems(rendered.problems), report_failures(summary, results))


def measure_noise(plan: "Plan", results: Path, as_json: bool) -> int:
    """Run the planned repeats, each in a process of its own, and print the floors; gives the exit code."""
    from bench.report import render
    from bench.runner.progress.summary import report_failures, report_problems

    repeats = plan.context.results
    summary = _run_plan(plan, on_interrupt=lambda: repeats, fresh_workers=True)
    if isinstance(summary, int):
        return summary
    rendered = render(results)
    if as_json:
        print(json.dumps(rendered.noise_rows()))
    else:
        print(rendered.noise_text())
    return max(report_problems(rendered.problems), report_failures(summary, repeats))


def _run_plan(
    plan: "Plan",
    on_interrupt: Callable[[], Path],
    between_rounds: Callable[[], object] = lambda: None,
    fresh_workers: bool = False,
) -> "Summary | int":
    """What was done, or the exit code of an interruption."""
    from bench.runner.progress.summary import report_interruption
    from bench.runner.session import run_plan
    from bench.runner.signals import Interrupted

    try:
        return run_plan(plan, between_rounds, fresh_workers)
    except Interrupted as interruption:
        report_interruption(interruption, on_interrupt())
        return interruption.exit_code


def _summary_json(summary: "Summary", page: Path) -> dict[str, Any]:
    def rows(runs: Any) -> list[dict[str, Any]]:
        return [
            {
                "model": run.trial.model,
                "seed": run.trial.seed,
                "status": run.status,
                "error": run.error,
                "test_accuracy": run.result.test_accuracy if run.result else None,
                "record": run.stem,
            }
            for run in runs
        ]

    return {
        "done": rows(summary.done),
        "failed": rows(summary.failed),
        "already_done": rows(summary.skipped),
        "report": str(page),
    }
