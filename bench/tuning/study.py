"""A study of one model: its draws, what became of them, and which of them go on.

The records are the store; optuna's study is built up from them again at each call, by the same reports in the same
order, so that a study that was killed goes on as if it had not been.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import optuna

from bench.records.schema import Trial
from bench.records.tuning import Role, TunedTrial

FIRST_RUNG = 1
"""Epochs after which a trial may be ended first."""
KEPT = 3
"""One of so many goes on from each rung to the next, which is so many times as far."""


@dataclass(frozen=True)
class Draw:
    """One trial of a study."""

    number: int
    role: Role
    trial: Trial


@dataclass
class Study:
    """The trials of one model.

    Args:
        id: see :class:`bench.records.tuning.TunedTrial`.
        draws: of the random and the halving trials, by number.
        records: what is known of them, one for each draw and seed.
    """

    id: str
    model: str
    space: str
    dataset: str
    draws: list[Draw]
    records: list[TunedTrial] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.replay(self.records)

    def replay(self, records: Iterable[TunedTrial]) -> None:
        """Build the study up from records, in the order of their numbers, in which one process makes them."""
        self.records = list(records)
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=FIRST_RUNG, reduction_factor=KEPT)
        self._study = optuna.create_study(direction="maximize", pruner=pruner)
        self._lock = threading.Lock()  # on a cluster trials report from several threads
        for record in sorted(self.records, key=lambda record: record.number):
            if record.role != "final":
                watch = self.watch(record.role)
                for epoch in record.epochs:
                    watch.is_behind(epoch.epoch, epoch.accuracy)
                watch.end(record)

    def watch(self, role: Role) -> "Watch":
        """Begin to follow a trial."""
        with self._lock:
            return Watch(role, self._study, self._study.ask(), self._lock)

    def add(self, record: TunedTrial) -> None:
        """Add what became of a trial."""
        with self._lock:
            self.records.append(record)

    def pending(self) -> list[Draw]:
        """List the draws that have no record yet."""
        known = {record.number for record in self.records if record.role != "final"}
        return [draw for draw in self.draws if draw.number not in known]

    def finished(self) -> list[TunedTrial]:
        """List the draws that were trained to their end, by number."""
        done = [record for record in self.records if record.status == "done" and record.role != "final"]
        return sorted(done, key=lambda record: record.number)

    def final_accuracies(self, number: int) -> list[float]:
        """List the accuracies of a draw from other seeds than the first; of one that failed it is 0.

        The first seed's is what the draw was picked for, so it says too much.
        """
        return [record.accuracy or 0.0 for record in self.records if record.number == number and record.role == "final"]

    def seeds(self, number: int) -> set[int]:
        """Seeds from which a draw has been trained, or could not be."""
        return {record.trial.seed for record in self.records if record.number == number}


class Watch:
    """A trial under way, held against the others of its study."""

    def __init__(self, role: Role, study: optuna.Study, trial: optuna.Trial, lock: threading.Lock) -> None:
        self._role, self._study, self._trial, self._lock = role, study, trial, lock

    def is_behind(self, epoch: int, accuracy: float) -> bool:
        """Report the accuracy after an epoch; tell whether the trial is to be ended."""
        with self._lock:
            self._trial.report(accuracy, epoch)
            behind = self._trial.should_prune()  # also where it goes on: that is how optuna counts the rungs
        return behind and self._role == "halving"

    def end(self, record: TunedTrial) -> None:
        """Tell optuna how it ended."""
        states = {"done": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}
        state = states.get(record.status, optuna.trial.TrialState.FAIL)
        with self._lock:
            self._study.tell(self._trial, record.accuracy if record.status == "done" else None, state)
