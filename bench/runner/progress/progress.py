"""The progress of the trials, as their runner reports it."""

import sys
import threading
from collections.abc import Iterable, Sequence

from bench.records.schema import Epoch, Run, Trial
from bench.runner.progress.eta import Eta, Expected, Kind
from bench.runner.progress.messages import epoch_line, failure_line, flagged_line, plan_line, skipped_line
from bench.runner.progress.outputs import Lines, Notebook, Output, Terminal


class Progress:
    """Receives everything that happens, in order; from several threads where trials run in parallel.

    An output with a bar shows each epoch in it, and a line for each trial that ended; another has a line per epoch.
    """

    def __init__(self, output: Output, at_once: int = 1) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._positions = dict[Trial, int]()
        self._eta = Eta(at_once)

    def start(self, todo: Sequence[Trial], skipped: int) -> None:
        """Start with the trials that will run; ``skipped`` others are done already."""
        with self._lock:
            self._eta.expect_trials(todo)
            self._trials = len(todo)
            self._done, self._epochs = 0, sum(trial.epoch_count for trial in todo)
            self._output.line(plan_line(todo, skipped))
            if todo:
                self._advance(0, "starting")

    def expect(self, work: Iterable[Expected]) -> None:
        """Count work that is no trial towards the time that is left."""
        with self._lock:
            self._eta.expect(work)

    def work_done(self, kind: Kind, seconds: float | None = None, line: str = "", count: int = 1) -> None:
        """Take off such work, with a line about it and about the time that is left.

        Args:
            seconds: what a piece of it has taken; None where it was not done.
        """
        with self._lock:
            self._eta.done(kind, seconds, count)
            if line:
                self._output.line(f"{line} {self._eta}")

    def model_timed(self, model: str, image_s: float) -> None:
        """Learn how many seconds a training image of a model takes."""
        with self._lock:
            self._eta.timed(model, image_s)

    def trial_started(self, trial: Trial) -> None:
        """Show that the first epoch of ``trial`` has begun, or the start of its worker."""
        with self._lock:
            self._position(trial)
            self._advance(0, f"{trial.model} seed {trial.seed} starting")

    def epoch_done(self, trial: Trial, epoch: Epoch) -> None:
        """Show an epoch that was trained and evaluated."""
        with self._lock:
            self._eta.done(("epoch", trial.model), epoch.train_s + epoch.eval_s)
            words = f"{epoch_line(trial, epoch)} {self._eta}"
            self._advance(1, words)
            if not self._output.has_bar:
                self._output.line(f"{self._position(trial)} {words}")

    def trial_restarted(self, trial: Trial, epochs_lost: int) -> None:
        """Take back the epochs of a trial that starts again on another node."""
        with self._lock:
            self._eta.done(("epoch", trial.model), count=-epochs_lost)
            self._advance(-epochs_lost)

    def trial_done(self, run: Run) -> None:
        """Show the end of a trial, whether it finished or failed."""
        with self._lock:
            missing = run.trial.epoch_count - len(run.epochs)
            self._eta.done(("epoch", run.trial.model), count=missing)
            beside_s = run.clock.total_s - run.clock.train_s - run.clock.eval_s if run.clock else None
            self._eta.done(("trial", run.trial.model), beside_s)
            self._advance(missing)
            if run.status != "done":
                self._output.line(failure_line(run))
            elif run.flags:
                self._output.line(flagged_line(run))
            elif self._output.has_bar:
                self._output.line(epoch_line(run.trial, run.epochs[-1]))

    def trial_skipped(self, trial: Trial) -> None:
        """Show that another call has finished a trial meanwhile."""
        with self._lock:
            self._eta.done(("epoch", trial.model), count=trial.epoch_count)
            self._eta.done(("trial", trial.model))
            self._advance(trial.epoch_count)
            position = "" if self._output.has_bar else f"{self._position(trial)} "
            self._output.line(f"{position}{skipped_line(trial)}")

    def note(self, line: str) -> None:
        """Show any other line."""
        with self._lock:
            self._output.line(line)

    def close(self) -> None:
        """End the output."""
        with self._lock:
            self._output.close()

    def _advance(self, epochs: int, words: str = "") -> None:
        self._done += epochs
        self._output.bar(self._done, self._epochs, words)

    def _position(self, trial: Trial) -> str:
        """The position of a trial: ``[2/9]`` for the second of nine to start."""
        return f"[{self._positions.setdefault(trial, len(self._positions) + 1)}/{self._trials}]"


def make_progress(at_once: int = 1) -> Progress:
    """Make a progress with a bar in a notebook or where standard error is a terminal, with plain lines otherwise.

    Args:
        at_once: how many trials run side by side.
    """
    if _in_notebook():
        return Progress(Notebook(), at_once)
    return Progress(Terminal() if sys.stderr.isatty() else Lines(), at_once)


def _in_notebook() -> bool:
    """Whether a kernel runs this process: not in IPython at a terminal, nor where IPython was never imported."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
