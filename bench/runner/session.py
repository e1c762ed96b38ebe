"""The execution of a plan: trials, probes after each round of seeds, progress."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from bench.runner.plan import Plan, open_executor
from bench.runner.probe_runner import run_probes
from bench.runner.progress import Expected, Kind, make_progress
from bench.runner.signals import signals_raise
from bench.runner.timing_runner import plan_rounds, spread
from bench.runner.trial_runner import Summary, run_trials

T = TypeVar("T")
R = TypeVar("R")

REPORT: Kind = ("report", "")
REPORT_S = 4.0
"""Seconds of a report, until one has been seen."""


def run_plan(plan: Plan, between_rounds: Callable[[], object] = lambda: None, fresh_workers: bool = False) -> Summary:
    """Run the planned trials and the probes of the trained models, and show the progress.

    The probes of each round of seeds run before the next round is trained, so that the first report is complete and
    there soon.

    Raises:
        UserError: the results folder cannot be written.
        Interrupted: SIGINT, SIGTERM or SIGHUP came; what was done is on disk, and no worker is left.
    """
    progress = make_progress(plan.cluster.at_once if plan.cluster else 1)
    probed = set[str]()
    report = Throttled(between_rounds)
    progress.expect([Expected(REPORT, seconds=REPORT_S, count=1 + len({trial.seed for trial in plan.trials}))])
    try:
        with open_executor(plan, fresh_workers, progress.note) as (executor, parallel_map), signals_raise():
            rounds = plan_rounds(plan.trials, plan.context, executor, progress)

            def train(work: Callable[[T], R], trials: Iterable[T]) -> Iterator[R]:
                if plan.cluster is None:
                    return map(work, spread(list(trials), rounds))
                rounds.measure(share=0.5)  # while the cluster is idle
                return parallel_map(work, trials)

            def probe_new_runs(summary: Summary) -> None:
                new_runs = [run for run in (*summary.done, *summary.skipped) if run.stem not in probed]
                summary.failed_probes += run_probes(new_runs, plan.context, executor, progress, parallel_map)
                probed.update(run.stem for run in new_runs)

            def end_round(summary: Summary) -> None:
                probe_new_runs(summary)
                progress.work_done(REPORT, report())

            summary = run_trials(plan.trials, plan.context, executor, progress, end_round, train)
            probe_new_runs(summary)
            rounds.measure()
            return summary
    finally:
        progress.close()


class Throttled:
    """An action that is skipped while it would take more than a tenth of the time, as a report each round would."""

    def __init__(self, action: Callable[[], object], now: Callable[[], float] = time.monotonic) -> None:
        self._action, self._now = action, now
        self._due = now()

    def __call__(self) -> float | None:
        """Do it, and give its seconds; None where it is skipped."""
        began = self._now()
        if began < self._due:
            return None
        self._action()
        ended = self._now()
        self._due = ended + 9 * (ended - began)
        return ended - began
