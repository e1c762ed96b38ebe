"""Groups of comparable runs: by condition, then by model and system."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import MappingProxyType

import numpy as np

from bench.analysis import stats
from bench.analysis.condition import Condition, condition_of
from bench.analysis.speed import SHARED_CPU, SpeedPair, Speeds, Timed, compare_speeds, speed_key, unsteadiness
from bench.records.schema import Run
from bench.records.storage import latest_done

FLAG_MARK = "†"
"""Stands after the name of a model whose runs carry flags of the model's own; no name may contain it."""
MAX_PAIRS = 45
"""Number of pairs of ten models; up to so many are all compared and reported."""


@dataclass(frozen=True)
class Group:
    """The finished runs of one model on one system under one condition, one per seed, seeds ascending.

    ``timed`` are its timing rounds there; None where there are none, as in records of before.
    """

    model: str
    location: str
    runs: tuple[Run, ...]
    timed: Timed | None = None

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the runs, ascending."""
        return tuple(run.trial.seed for run in self.runs)

    @cached_property
    def accuracies(self) -> list[float]:
        """Test accuracy after the last epoch, one per seed."""
        return [run.result.test_accuracy for run in self.runs if run.result]

    @cached_property
    def mean_accuracy(self) -> float:
        """Mean test accuracy over the seeds, as a fraction."""
        return float(np.mean(self.accuracies))

    @cached_property
    def accuracy_interval(self) -> stats.Interval:
        """95 % interval: Student's t over seeds; Wilson's over test images where there is but one seed."""
        if len(self.accuracies) > 1:
            return stats.t_interval(self.accuracies)
        return stats.wilson_interval(round(self.accuracies[0] * self.test_size), self.test_size)

    @cached_property
    def epoch_spread(self) -> stats.Spread:
        """Median and quartiles of :attr:`epoch_seconds`."""
        return stats.spread(self.epoch_seconds)

    @cached_property
    def epoch_seconds(self) -> list[float]:
        """Training seconds of every epoch after the first, over all seeds; of all epochs where there is but one."""
        return [seconds for run in self.runs for seconds in timed_epochs(run)]

    @cached_property
    def eval_spread(self) -> stats.Spread:
        """Median and quartiles of the seconds that an evaluation on the whole test set took."""
        return stats.spread([epoch.eval_s for run in self.runs for epoch in run.epochs])

    @cached_property
    def trial_s(self) -> float:
        """Median seconds of a whole trial, process start included."""
        return stats.spread([run.clock.total_s for run in self.runs if run.clock]).median

    @property
    def parameters(self) -> int:
        """Number of learned parameters."""
        return self.runs[-1].model.parameters if self.runs[-1].model else 0

    @property
    def train_flops_per_image(self) -> int | None:
        """FLOPs of a training step per image, two per multiply-add; None where they could not be counted."""
        return self.runs[-1].model.train_flops_per_image if self.runs[-1].model else None

    @property
    def test_size(self) -> int:
        """Number of test images."""
        return self.runs[-1].result.test_size if self.runs[-1].result else 0

    @property
    def images_per_s(self) -> float:
        """Training images per second: in the fastest quarter of the rounds, or at the median epoch without rounds."""
        return self.timed.images_per_s if self.timed else self.runs[0].trial.train_size / self.epoch_spread.median

    @property
    def epoch_s(self) -> float:
        """Seconds of training for an epoch at :attr:`images_per_s`."""
        return self.runs[0].trial.train_size / self.images_per_s

    @cached_property
    def unsteady(self) -> str:
        """Reason why the times are not steady; empty where they are."""
        if self.timed:
            return unsteadiness(self.timed.spread, self.timed.surroundings, "rounds")
        around = [run.surroundings for run in self.runs if run.surroundings]
        return unsteadiness(self.epoch_spread, around, "epoch times")

    @property
    def machines(self) -> int:
        """Number of machines that the runs are of."""
        return len({run.machine.id for run in self.runs})

    def times_to(self, accuracy: float) -> stats.Reached:
        """Seconds of training until an epoch ends at ``accuracy`` or above on the test set, one per seed."""
        return stats.reached([seconds_to(run, accuracy) for run in self.runs])

    @property
    def name(self) -> str:
        """The model's name as it is shown; see :func:`marked_name`."""
        return marked_name(self.model, self.runs)

    @cached_property
    def model_flags(self) -> dict[str, str]:
        """Flags that the runs' records carry, by name: the note, with the seeds where it is not that of all."""
        names = dict.fromkeys(flag.name for run in self.runs for flag in run.flags)
        return {name: self._note(name) for name in names}

    def _note(self, flag_name: str) -> str:
        """Format a flag's note: that of the first seed which has it; figures in it may differ from seed to seed."""
        by_seed = {
            run.trial.seed: "; ".join(notes)
            for run in self.runs
            if (notes := [flag.note for flag in run.flags if flag.name == flag_name])
        }
        first, *others = by_seed
        if len(set(by_seed.values())) > 1:
            return f"{by_seed[first]} (seed {first}; likewise {', '.join(map(str, others))})"
        seeds = f" (seed {', '.join(map(str, by_seed))})" if len(by_seed) < len(self.seeds) else ""
        return f"{by_seed[first]}{seeds}"


@dataclass(frozen=True)
class ConditionResults:
    """All groups of one condition, the most accurate first."""

    condition: Condition
    groups: tuple[Group, ...]

    @property
    def locations(self) -> list[str]:
        """Systems with devices that the groups were measured on, without repeats, sorted."""
        return sorted({group.location for group in self.groups})

    def at(self, location: str) -> list[Group]:
        """Groups measured at ``location``."""
        return [group for group in self.groups if group.location == location]

    @cached_property
    def speed_pairs(self) -> list[SpeedPair]:
        """Speeds of timed models compared, by location; of many pairs those with the most accurate model."""
        return [
            pair
            for location in self.locations
            for pair in compare_speeds(
                [(group.model, group.timed) for group in self.at(location) if group.timed], location, MAX_PAIRS
            )
        ]

    @property
    def test_size(self) -> int:
        """Number of test images, the same for all groups."""
        return self.groups[0].test_size

    @property
    def runs(self) -> list[Run]:
        """Runs of all groups."""
        return [run for group in self.groups for run in group.runs]


def group_by_condition(runs: Iterable[Run], speeds: Speeds = MappingProxyType({})) -> list[ConditionResults]:
    """Group the latest finished runs by condition; the article's with the most epochs and runs comes first.

    Args:
        speeds: the rounds in which the models were timed.
    """
    by_condition: dict[Condition, dict[tuple[str, str], list[Run]]] = {}
    for run in latest_done(runs):
        groups = by_condition.setdefault(condition_of(run), {})
        groups.setdefault((run.trial.model, location_of(run)), []).append(run)
    comparisons = [
        ConditionResults(condition, tuple(sorted(_groups(members, speeds), key=_rank, reverse=True)))
        for condition, members in by_condition.items()
    ]
    return sorted(comparisons, key=_condition_rank, reverse=True)


def _condition_rank(comparison: ConditionResults) -> tuple[bool, float, int, str]:
    """Rank of a condition: the article's before others, then by length and number of runs."""
    condition = comparison.condition
    return condition.recipe == "article", condition.epochs, len(comparison.runs), condition.title + condition.slug


def location_of(run: Run) -> str:
    """Location of a run: system and device, as the tables name them."""
    return f"{run.machine.label} ({run.trial.device})"


def by_count_and_date(runs: Sequence[Run]) -> tuple[int, datetime]:
    """Sort key of the runs at a location: their number, then the date of the newest."""
    return len(runs), max(run.started_at for run in runs)


def timed_epochs(run: Run) -> list[float]:
    """Training seconds of each whole epoch after the first; of the first, as if whole, where it is the only one."""
    whole = run.epochs[: int(run.trial.passes)]
    return [epoch.train_s for epoch in whole[1:] or whole] or [run.epochs[0].train_s / run.trial.passes]


def seconds_to(run: Run, accuracy: float) -> float:
    """Seconds of training until the end of the first epoch with at least that test accuracy; NaN if none has."""
    elapsed = 0.0
    for epoch in run.epochs:
        elapsed += epoch.train_s
        if epoch.test_accuracy >= accuracy:
            return elapsed
    return float("nan")


def marked_name(model: str, runs: Iterable[Run]) -> str:
    """Format the model's name, with a mark if the record of any of its ``runs`` carries a flag: ``cnn``, ``cnn†``."""
    return f"{model}{FLAG_MARK}" if any(run.flags for run in runs) else model


def run_flags(run: Run) -> list[str]:
    """Warnings about how a run was measured: ``dirty`` (uncommitted code), ``shared`` (with others), ``throttled``.

    Those about the model are in its record: ``run.flags``.
    """
    surroundings = run.surroundings
    flags = {
        "dirty": bool(run.git.dirty),
        "shared": surroundings is not None and surroundings.shared(SHARED_CPU),
        "throttled": surroundings is not None and surroundings.throttled,
    }
    return [flag for flag, is_set in flags.items() if is_set]


def _groups(members: dict[tuple[str, str], list[Run]], speeds: Speeds) -> list[Group]:
    return [
        Group(model, location, tuple(sorted(runs, key=lambda run: run.trial.seed)), speeds.get(speed_key(runs[0])))
        for (model, location), runs in ((key, _of_newest_recipe(runs)) for key, runs in members.items())
    ]


def _of_newest_recipe(runs: Sequence[Run]) -> list[Run]:
    """Keep the runs whose recipe is the newest one's: in an arm a model's recipe may have been tuned anew."""
    recipes = {run.stem: run.trial.identity("seed", "suite", "threads") for run in runs}
    newest = max(runs, key=lambda run: run.started_at)
    return [run for run in runs if recipes[run.stem] == recipes[newest.stem]]


def _rank(group: Group) -> tuple[float, str, str]:
    return group.mean_accuracy, group.model, group.location
