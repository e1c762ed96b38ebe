"""One plan carried out: trials trained, probes asked after each round of seeds, progress shown."""

import time
from collections.abc import Callable

from bench.runner.plan import Plan, open_executor
from bench.runner.probe_runner import run_probes
from bench.runner.progress import make_progress
from bench.runner.signals import signals_raise
from bench.runner.trial_runner import Summary, run_trials


def run_plan(plan: Plan, between_rounds: Callable[[], object] = lambda: None, fresh_workers: bool = False) -> Summary:
    """Train what is planned, ask the trained models the setting's probes, and show how far it is.

    The probes are put to each round of seeds before the next is trained, so that the first report is soon there, and
    whole.

    Raises:
        UserError: the results folder cannot be written.
        Interrupted: SIGINT, SIGTERM or SIGHUP came; what was done is on disk, and no worker is left.
    """
    progress = make_progress(plan.cluster.at_once if plan.cluster else 1)
    asked = set[str]()
    report = Throttled(between_rounds)
    try:
        with open_executor(plan, fresh_workers, progress.note) as (executor, each), signals_raise():

            def answer_probes(summary: Summary) -> None:
                new = [run for run in (*summary.done, *summary.skipped) if run.stem not in asked]
                summary.unanswered += run_probes(new, plan.context, executor, progress.note, each)
                asked.update(run.stem for run in new)

            def end_round(summary: Summary) -> None:
                answer_probes(summary)
                report()

            summary = run_trials(plan.trials, plan.context, executor, progress, end_round, each)
            answer_probes(summary)
            return summary
    finally:
        progress.close()


class Throttled:
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
