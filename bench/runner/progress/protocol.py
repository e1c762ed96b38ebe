"""What whoever shows progress is told."""

from collections.abc import Sequence
from typing import Protocol

from bench.records.schema import Epoch, Run, Trial


class Progress(Protocol):
    """Told about everything that happens, in order."""

    def start(self, todo: Sequence[Trial], skipped: int) -> None:
        """These trials will run; ``skipped`` others are done already."""

    def trial_started(self, trial: Trial) -> None:
        """Its first epoch has begun, or its worker's start."""

    def epoch_done(self, trial: Trial, epoch: Epoch) -> None:
        """Trained and evaluated."""

    def trial_restarted(self, trial: Trial, epochs_lost: int) -> None:
        """It begins again elsewhere, and so many epochs of it with it."""

    def trial_done(self, run: Run) -> None:
        """It has a record, whether it finished or failed."""

    def trial_skipped(self, trial: Trial) -> None:
        """Another call has finished it meanwhile."""

    def note(self, line: str) -> None:
        """Anything else worth a line."""

    def close(self) -> None:
        """Nothing more will be told."""
