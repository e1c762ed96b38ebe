"""Progress where standard error is no terminal: in a file, in CI."""

from collections.abc import Sequence

from bench.common.errors import say
from bench.records.schema import Epoch, Run, Trial
from bench.runner.progress.eta import Eta
from bench.runner.progress.messages import epoch_line, failure_line, plan_line, skipped_line


class PlainProgress:
    """One line per epoch on standard error."""

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._started, self._position = 0, dict[Trial, int]()

    def start(self, todo: Sequence[Trial], skipped: int) -> None:
        self._total = len(todo)
        self._eta = Eta(todo, self._at_once)
        say(plan_line(todo, skipped))

    def trial_started(self, trial: Trial) -> None:
        self._started += 1
        self._position[trial] = self._started

    def epoch_done(self, trial: Trial, epoch: Epoch) -> None:
        self._eta.epoch_done(trial, epoch)
        say(f"[{self._position[trial]}/{self._total}] {epoch_line(trial, epoch)} {self._eta}")

    def trial_restarted(self, trial: Trial, epochs_lost: int) -> None:
        self._eta.trial_restarted(trial, epochs_lost)

    def trial_done(self, run: Run) -> None:
        self._eta.trial_ended(run.trial, len(run.epochs))
        if run.status != "done":
            say(failure_line(run))

    def trial_skipped(self, trial: Trial) -> None:
        self._started += 1
        self._eta.trial_ended(trial, epochs_done=0)
        say(f"[{self._started}/{self._total}] {skipped_line(trial)}")

    def note(self, line: str) -> None:
        say(line)

    def close(self) -> None:
        pass
