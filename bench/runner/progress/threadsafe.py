"""Progress told by several threads."""

import threading
from collections.abc import Sequence

from bench.records.schema import Epoch, Run, Trial
from bench.runner.progress.protocol import Progress


class SharedProgress:
    """Any other progress where several trials run at once: what one thread tells waits for what another does."""

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
