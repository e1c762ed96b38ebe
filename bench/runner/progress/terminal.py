"""Progress at a terminal."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichBar

from bench.common.errors import patient
from bench.records.schema import Epoch, Run, Trial
from bench.runner.progress.eta import Eta
from bench.runner.progress.messages import BAR_WIDTH, epoch_line, failure_line, plan_line, skipped_line


class TerminalProgress:
    """A bar over all epochs with the last epoch's accuracy and the time left; a finished trial leaves a line."""

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._console = Console(file=patient(sys.stderr))
        self._bar = RichBar(
            BarColumn(bar_width=BAR_WIDTH),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            console=self._console,
        )

    def start(self, todo: Sequence[Trial], skipped: int) -> None:
        self._eta = Eta(todo, self._at_once)
        self._console.print(plan_line(todo, skipped), highlight=False)
        self._task = self._bar.add_task("starting", total=sum(trial.epochs for trial in todo))
        if todo:
            self._bar.start()

    def trial_started(self, trial: Trial) -> None:
        self._bar.update(self._task, description=f"{trial.model} seed {trial.seed} starting")

    def epoch_done(self, trial: Trial, epoch: Epoch) -> None:
        self._eta.epoch_done(trial, epoch)
        self._bar.update(self._task, advance=1, description=f"{epoch_line(trial, epoch)} {self._eta}")

    def trial_restarted(self, trial: Trial, epochs_lost: int) -> None:
        self._eta.trial_restarted(trial, epochs_lost)
        self._bar.update(self._task, advance=-epochs_lost)

    def trial_done(self, run: Run) -> None:
        self._eta.trial_ended(run.trial, len(run.epochs))
        self._bar.update(self._task, advance=run.trial.epochs - len(run.epochs))
        line = failure_line(run) if run.status != "done" else epoch_line(run.trial, run.epochs[-1])
        self._bar.console.print(line, highlight=False, markup=False)

    def trial_skipped(self, trial: Trial) -> None:
        self._eta.trial_ended(trial, epochs_done=0)
        self._bar.update(self._task, advance=trial.epochs)
        self.note(skipped_line(trial))

    def note(self, line: str) -> None:
        self._bar.console.print(line, highlight=False, markup=False)

    def close(self) -> None:
        self._bar.stop()
