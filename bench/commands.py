"""What ``run`` and ``noise`` do once their options are read: train, ask the probes, report.

Each function imports what it needs when it runs, so that no command waits for what another needs.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.outcomes import report_failures, report_interruption, report_problems

if TYPE_CHECKING:
    from bench.plan import Plan
    from bench.runner import Summary


def carry_out(plan: "Plan", as_json: bool) -> int:
    """Train what is planned, report, and give the exit code."""
    from bench.report import render

    results = plan.setting.results
    summary = _train(plan, on_interrupt=lambda: render(results).page, between_rounds=lambda: render(results))
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

    repeats = plan.setting.results
    summary = _train(plan, on_interrupt=lambda: repeats, fresh_workers=True)
    if isinstance(summary, int):
        return summary
    rendered = render(results)
    if as_json:
        print(json.dumps(rendered.noise_rows()))
    else:
        print(rendered.noise_text())
    return max(report_problems(rendered.problems), report_failures(summary, repeats))


def train(plan: "Plan", between_rounds: Callable[[], object] = lambda: None, fresh_workers: bool = False) -> "Summary":
    """Train what is planned, ask the trained models the setting's probes, and show how far it is.

    The probes are put to each round of seeds before the next is trained, so that the first report is soon there, and
    whole.

    Raises:
        UserError: the results folder cannot be written.
        Interrupted: SIGINT, SIGTERM or SIGHUP came; what was done is on disk, and no worker is left.
    """
    from bench.plan import open_executor
    from bench.probing import run_probes
    from bench.progress import make_progress
    from bench.runner import run_trials
    from bench.signals import interruptible

    progress = make_progress(plan.cluster.at_once if plan.cluster else 1)
    asked = set[str]()
    report = Sparingly(between_rounds)
    try:
        with open_executor(plan, fresh_workers, progress.note) as (executor, each), interruptible():

            def ask(summary: "Summary") -> None:
                new = [run for run in (*summary.done, *summary.skipped) if run.stem not in asked]
                summary.unanswered += run_probes(new, plan.setting, executor, progress.note, each)
                asked.update(run.stem for run in new)

            def end_round(summary: "Summary") -> None:
                ask(summary)
                report()

            summary = run_trials(plan.trials, plan.setting, executor, progress, end_round, each)
            ask(summary)
            return summary
    finally:
        progress.close()


class Sparingly:
    """An action that is left out where it would take more than a tenth of the time, as a report of each round would."""

    def __init__(self, action: Callable[[], object], now: Callable[[], float] = time.monotonic) -> None:
        self._action, self._now = action, now
        self._due = now()

    def __call__(self) -> None:
        began = self._now()
        if began >= self._due:
            self._action()
            ended = self._now()
            self._due = ended + 9 * (ended - began)


def _train(
    plan: "Plan",
    on_interrupt: Callable[[], Path],
    between_rounds: Callable[[], object] = lambda: None,
    fresh_workers: bool = False,
) -> "Summary | int":
    """What was done, or the exit code of an interruption."""
    from bench.signals import Interrupted

    try:
        return train(plan, between_rounds, fresh_workers)
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


def split_names(text: str) -> list[str]:
    """Names separated by commas, blanks or both."""
    return text.replace(",", " ").split()
