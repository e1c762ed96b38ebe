"""Progress in a notebook."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.records.schema import Epoch, Run, Trial
from bench.runner.progress.eta import Eta
from bench.runner.progress.messages import BAR_WIDTH, epoch_line, failure_line, plan_line, skipped_line

if TYPE_CHECKING:
    from IPython.display import DisplayHandle


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
        filled = BAR_WIDTH * self._epochs // self._total
        self._bar = f"{'━' * filled}{'─' * (BAR_WIDTH - filled)} {self._epochs}/{self._total} {words}"
        self._write()

    def _write(self) -> None:
        from IPython.display import display

        content = {"text/plain": "\n".join([*self._lines, self._bar]).rstrip()}
        if self._output is None:
            self._output = display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._output.update(content, raw=True)  # type: ignore[no-untyped-call]
