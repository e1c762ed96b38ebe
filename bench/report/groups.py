"""Records sorted into what may be compared: same condition, then one group per model and machine."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from bench import stats
from bench.records import Run, latest_done


@dataclass(frozen=True, order=True)
class Condition:
    """What two runs must share before their numbers may stand in one table."""

    dataset: str
    recipe: str
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    precision: str
    train_size: int
    pixel_order: str

    @property
    def title(self) -> str:
        """``mnist, article recipe, 10 epochs``, and whatever is unusual."""
        epochs = f"{self.epochs} epoch{'s' if self.epochs > 1 else ''}"
        return f"{self.dataset}, {self.recipe} recipe, {epochs}, batch {self.batch_size}, {self.precision}"

    @property
    def slug(self) -> str:
        """For file names."""
        return f"{self.dataset}-{self.recipe}-{self.epochs}ep-b{self.batch_size}-{self.precision}"


@dataclass(frozen=True)
class Group:
    """The finished runs of one model on one machine under one condition, one per seed, seeds ascending."""

    model: str
    place: str
    runs: tuple[Run, ...]

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.trial.seed for run in self.runs)

    @cached_property
    def accuracies(self) -> list[float]:
        """Test accuracy after the last epoch, one per seed."""
        return [run.result.test_accuracy for run in self.runs if run.result]

    @cached_property
    def epoch_seconds(self) -> list[float]:
        """Training seconds of every epoch after the first, over all seeds; of all epochs where there is but one."""
        return [epoch.train_s for run in self.runs for epoch in run.epochs[1:] or run.epochs]

    @cached_property
    def epoch_spread(self) -> stats.Spread:
        return stats.spread(self.epoch_seconds)

    @cached_property
    def eval_spread(self) -> stats.Spread:
        return stats.spread([epoch.eval_s for run in self.runs for epoch in run.epochs])

    @property
    def parameters(self) -> int:
        return self.runs[-1].model.parameters if self.runs[-1].model else 0

    @property
    def train_flops_per_image(self) -> int:
        return self.runs[-1].model.train_flops_per_image if self.runs[-1].model else 0

    @property
    def test_size(self) -> int:
        return self.runs[-1].result.test_size if self.runs[-1].result else 0

    @property
    def images_per_s(self) -> float:
        """Training images per second at the median epoch."""
        return self.runs[0].trial.train_size / self.epoch_spread.median


@dataclass(frozen=True)
class Comparison:
    """All groups of one condition, the most accurate first."""

    condition: Condition
    groups: tuple[Group, ...]

    @property
    def places(self) -> list[str]:
        return sorted({group.place for group in self.groups})

    @property
    def runs(self) -> list[Run]:
        return [run for group in self.groups for run in group.runs]


def compare_groups(runs: Iterable[Run]) -> list[Comparison]:
    """The latest finished runs by condition; the condition with the most epochs and runs comes first."""
    sorted_out: dict[Condition, dict[tuple[str, str], list[Run]]] = {}
    for run in latest_done(runs):
        groups = sorted_out.setdefault(_condition(run), {})
        groups.setdefault((run.trial.model, place_of(run)), []).append(run)
    comparisons = [
        Comparison(condition, tuple(sorted(_groups(members), key=_rank, reverse=True)))
        for condition, members in sorted_out.items()
    ]
    return sorted(comparisons, key=lambda c: (c.condition.epochs, len(c.runs), c.condition), reverse=True)


def place_of(run: Run) -> str:
    """Machine and device, as the tables name them."""
    return f"{run.machine.name} ({run.trial.device})"


def _groups(members: dict[tuple[str, str], list[Run]]) -> list[Group]:
    return [
        Group(model, place, tuple(sorted(runs, key=lambda run: run.trial.seed)))
        for (model, place), runs in members.items()
    ]


def _rank(group: Group) -> tuple[float, str, str]:
    return sum(group.accuracies) / len(group.accuracies), group.model, group.place


def _condition(run: Run) -> Condition:
    trial = run.trial
    return Condition(**{name: getattr(trial, name) for name in Condition.__dataclass_fields__})
