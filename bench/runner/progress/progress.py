"""How far the trials are, told by whoever runs them."""

import threading
from collections.abc import Sequence

from bench.records.schema import Epoch, Run, Trial
from bench.runner.progress.eta import Eta
from bench.runner.progress.messages import epoch_line, failure_line, plan_line, skipped_line
from bench.runner.progress.outputs import Output


class Progress:
    """Told about everything that happens, in order; by several threads where trials run side by side.

    An output with a bar shows each epoch in it, and a line for each trial that ended; another has a line per epoch.
    """

    def __init__(self, output: Output, at_once: int = 1) -> None:
        self._output = output
        self._at_once = at_once
        self._lock = threading.Lock()
        self._positions = dict[Trial, int]()

    def start(self, todo: Sequence[Trial], skipped: int) -> None:
        """These trials will run; ``skipped`` others are done already."""
        with self._lock:
            self._eta = Eta(todo, self._at_once)
            self._trials = len(todo)
            self._done, self._epochs = 0, sum(trial.epochs for trial in todo)
            self._output.line(plan_line(todo, skipped))
            if todo:
                self._advance(0, "starting")

    def trial_started(self, trial: Trial) -> None:
        """Its first epoch has begun, or its worker's start."""
        with self._lock:
            self._position(trial)
            self._advance(0, f"{trial.model} seed {trial.seed} starting")

    def epoch_done(self, trial: Trial, epoch: Epoch) -> None:
        """Trained and evaluated."""
        with self._lock:
            self._eta.epoch_done(trial, epoch)
            words = f"{epoch_line(trial, epoch)} {self._eta}"
            self._advance(1, words)
            if not self._output.has_bar:
                self._output.line(f"{self._position(trial)} {words}")

    def trial_restarted(self, trial: Trial, epochs_lost: int) -> None:
        """It begins again elsewhere, and so many epochs of it with it."""
        with self._lock:
            self._eta.trial_restarted(trial, epochs_lost)
            self._advance(-epochs_lost)

    def trial_done(self, run: Run) -> None:
        """It has a record, whether it finished or failed."""
        with self._lock:
            self._eta.trial_ended(run.trial, len(run.epochs))
            self._advance(run.trial.epochs - len(run.epochs))
            if run.status != "done":
                self._output.line(failure_line(run))
            elif self._output.has_bar:
                self._output.line(epoch_line(run.trial, run.epochs[-1]))

    def trial_skipped(self, trial: Trial) -> None:
        """Another call has finished it meanwhile."""
        with self._lock:
            self._eta.trial_ended(trial, epochs_done=0)
            self._advance(trial.epochs)
            position = "" if self._output.has_bar else f"{self._position(trial)} "
            self._output.line(f"{position}{skipped_line(trial)}")

    def note(self, line: str) -> None:
        """Anything else worth a line."""
        with self._lock:
            self._output.line(line)

    def close(self) -> None:
        """Nothing more will be told."""
        with self._lock:
            self._output.close()

    def _advance(self, epochs: int, words: str = "") -> None:
        self._done += epochs
        self._output.bar(self._done, self._epochs, words)

    def _position(self, trial: Trial) -> str:
        """``[2/9]``: the trial is the second of nine to start."""
        return f"[{self._positions.setdefault(trial, len(self._positions) + 1)}/{self._trials}]"
