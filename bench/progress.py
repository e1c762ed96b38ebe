"""What the person at the terminal or the notebook sees while trials run; plain lines where it is neither."""

import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichBar

from bench.errors import patient, say
from bench.records import Epoch, Run, Trial

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

_BAR_WIDTH = 24


class Progress(Protocol):
    """Told about everything that happens, in order."""

    def start(self, todo: Sequence[Trial], skipped: int) -> None: ...

    def trial_started(self, trial: Trial) -> None: ...

    def epoch_done(self, trial: Trial, epoch: Epoch) -> None: ...

    def trial_restarted(self, trial: Trial, epochs_lost: int) -> None: ...

    def trial_done(self, run: Run) -> None: ...

    def trial_skipped(self, trial: Trial) -> None: ...

    def note(self, line: str) -> None: ...

    def close(self) -> None: ...


class Eta:
    """Seconds left, from the epochs seen so far of each model, where ``at_once`` trials run side by side."""

    def __init__(self, todo: Sequence[Trial], at_once: int = 1) -> None:
        self._at_once = at_once
        self._left: dict[str, int] = {}
        self._seen: dict[str, list[float]] = {}
        for trial in todo:
            self._left[trial.model] = self._left.get(trial.model, 0) + trial.epochs

    def epoch_done(self, trial: Trial, epoch: Epoch) -> None:
        self._left[trial.model] -= 1
        self._seen.setdefault(trial.model, []).append(epoch.train_s + epoch.eval_s)

    def trial_ended(self, trial: Trial, epochs_done: int) -> None:
        """Epochs that a failed trial will not run are not waited for."""
        self._left[trial.model] -= trial.epochs - epochs_done

    def trial_restarted(self, trial: Trial, epochs_lost: int) -> None:
        """Epochs that were seen will be run once more."""
        self._left[trial.model] += epochs_lost

    @property
    def seconds(self) -> float:
        """What the models seen so far still need."""
        seen = {model: left for model, left in self._left.items() if model in self._seen}
        return sum(left * _mean(self._seen[model]) for model, left in seen.items()) / self._at_once

    def __str__(self) -> str:
        """``ETA 45 s``, ``ETA 7 min``; ``ETA > 45 s`` while a model waits that has not been seen yet."""
        unseen = any(left and model not in self._seen for model, left in self._left.items())
        time_left = f"{self.seconds:.0f} s" if self.seconds < 90 else f"{self.seconds / 60:.0f} min"
        return f"ETA {'> ' if unseen else ''}{time_left}"


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


class TerminalProgress:
    """A bar over all epochs with the last epoch's accuracy and the time left; a finished trial leaves a line."""

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._console = Console(file=patient(sys.stderr))
        self._bar = RichBar(
            BarColumn(bar_width=_BAR_WIDTH),
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


class NotebookProgress:
    """The bar and the lines of :class:`TerminalProgress` as one output of the cell, written anew at each epoch."""

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._lines: list[str] = []
        self._bar = ""
        self._output: DisplayHandle | None = None

    def start(self, todo: Sequence[Trial], skipped: int) -> None:
        self._eta = Eta(todo, self._at_once)
        self._epochs, self._total = 0, sum(trial.epochs for trial in todo)
        self.note(plan_line(todo, skipped))

    def trial_started(self, trial: Trial) -> None:
        self._advance(0, f"{trial.model} seed {trial.seed} starting")

    def epoch_done(self, trial: Trial, epoch: Epoch) -> None:
        self._eta.epoch_done(trial, epoch)
        self._advance(1, f"{epoch_line(trial, epoch)} {self._eta}")

    def trial_restarted(self, trial: Trial, epochs_lost: int) -> None:
        self._eta.trial_restarted(trial, epochs_lost)
        self._advance(-epochs_lost, "")

    def trial_done(self, run: Run) -> None:
        self._eta.trial_ended(run.trial, len(run.epochs))
        self._lines.append(failure_line(run) if run.status != "done" else epoch_line(run.trial, run.epochs[-1]))
        self._advance(run.trial.epochs - len(run.epochs), "")

    def trial_skipped(self, trial: Trial) -> None:
        self._eta.trial_ended(trial, epochs_done=0)
        self._lines.append(skipped_line(trial))
        self._advance(trial.epochs, "")

    def note(self, line: str) -> None:
        self._lines.append(line)
        self._write()

    def close(self) -> None:
        self._bar = ""
        self._write()

    def _advance(self, epochs: int, words: str) -> None:
        self._epochs += epochs
        filled = _BAR_WIDTH * self._epochs // self._total
        self._bar = f"{'━' * filled}{'─' * (_BAR_WIDTH - filled)} {self._epochs}/{self._total} {words}"
        self._write()

    def _write(self) -> None:
        from IPython.display import display

        content = {"text/plain": "\n".join([*self._lines, self._bar]).rstrip()}
        if self._output is None:
            self._output = display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._output.update(content, raw=True)  # type: ignore[no-untyped-call]


class SharedProgress:
    """Any of these where several trials run at once: what one of their threads tells waits for what another does."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()

    def start(self, todo: Sequence[Trial], skipped: int) -> None:
        with self._lock:
            self._progress.start(todo, skipped)

    def trial_started(self, trial: Trial) -> None:
        with self._lock:
            self._progress.trial_started(trial)

    def epoch_done(self, trial: Trial, epoch: Epoch) -> None:
        with self._lock:
            self._progress.epoch_done(trial, epoch)

    def trial_restarted(self, trial: Trial, epochs_lost: int) -> None:
        with self._lock:
            self._progress.trial_restarted(trial, epochs_lost)

    def trial_done(self, run: Run) -> None:
        with self._lock:
            self._progress.trial_done(run)

    def trial_skipped(self, trial: Trial) -> None:
        with self._lock:
            self._progress.trial_skipped(trial)

    def note(self, line: str) -> None:
        with self._lock:
            self._progress.note(line)

    def close(self) -> None:
        with self._lock:
            self._progress.close()


def make_progress(at_once: int = 1) -> Progress:
    """A bar in a notebook and where standard error is a terminal, plain lines otherwise.

    Args:
        at_once: how many trials run side by side.
    """
    if _in_notebook():
        progress: Progress = NotebookProgress(at_once)
    else:
        progress = TerminalProgress(at_once) if sys.stderr.isatty() else PlainProgress(at_once)
    return progress if at_once == 1 else SharedProgress(progress)


def plan_line(todo: Sequence[Trial], skipped: int) -> str:
    """``9 trials to train on cpu with 2 threads; 3 already done (--force runs them again)``"""
    already = f"; {skipped} already done (--force runs them again)" if skipped else ""
    if not todo:
        return f"nothing to train{already}"
    trials = f"{len(todo)} trial{'s' if len(todo) > 1 else ''}"
    return f"{trials} to train on {todo[0].device} with {todo[0].threads} threads{already}"


def epoch_line(trial: Trial, epoch: Epoch) -> str:
    """``cnn seed 0 epoch 3/10 98.71 % 8.44 s``"""
    accuracy = f"{100 * epoch.test_accuracy:.2f} %"
    return f"{trial.model} seed {trial.seed} epoch {epoch.epoch}/{trial.epochs} {accuracy} {epoch.train_s:.2f} s"


def skipped_line(trial: Trial) -> str:
    """``cnn seed 0: done by another call``"""
    return f"{trial.model} seed {trial.seed}: done by another call"


def failure_line(run: Run) -> str:
    """``cnn seed 0: error: worker killed by SIGKILL``"""
    return f"{run.trial.model} seed {run.trial.seed}: {run.status}: {run.error}"


def _in_notebook() -> bool:
    """A kernel runs this process. IPython in a terminal has none; where IPython was never imported, there is none."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
