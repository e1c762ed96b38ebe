"""Results of a probe on the runs of one condition, by model and location."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.analysis import stats
from bench.analysis.groups import ConditionResults, Group
from bench.data.registry import Goals, goals_of
from bench.records.probes import ProbeRecord, latest_answers
from bench.report.elements.formatting import provenance
from bench.report.elements.style import location_styles

Arrays = Callable[[ProbeRecord], Mapping[str, np.ndarray]]
"""Loader of the arrays a probe stored beside its record; see :func:`bench.records.probes.load_arrays`."""


@dataclass(frozen=True)
class ProbeResult:
    """A probe's results for one model at one location: for each number an array over the seeds probed."""

    group: Group
    seeds: tuple[int, ...]
    numbers: dict[str, np.ndarray]
    records: tuple[ProbeRecord, ...]

    @property
    def images(self) -> int:
        """Number of test images the probe used."""
        return self.records[0].images

    @property
    def train_images(self) -> int:
        """Number of training images the probe used; 0 where it trained nothing."""
        return self.records[0].train_images

    @property
    def goals(self) -> Goals:
        """Accuracy goals of the dataset."""
        return goals_of(self.group.runs[0].trial.dataset)

    def note(self, name: str) -> str:
        """Return the probe's note of that name; empty without one."""
        return self.records[0].notes.get(name, "")

    def at(self, name: str, seeds: Sequence[int]) -> np.ndarray:
        """Return the number of that name for the given seeds, in their order."""
        return self.numbers[name][[self.seeds.index(seed) for seed in seeds]]


@dataclass(frozen=True)
class Difference:
    """A difference of two accuracies, as a fraction, with its interval and what that is ``over``.

    ``judged`` is false where the interval says too little for a verdict: a single seed, over test images alone.
    """

    mean: float
    interval: stats.Interval
    over: str
    judged: bool
    seeds: int

    @property
    def sign(self) -> int:
        """Sign of the difference: 1 or -1 where the whole interval is above or below zero, else 0."""
        return int(self.interval.low > 0) - int(self.interval.high < 0)

    @property
    def basis(self) -> str:
        """Basis of the interval: ``over 3 seeds``, ``1 seed; interval over test images alone``."""
        counted = f"{self.seeds} seed{'' if self.seeds == 1 else 's'}"
        return f"over {counted}" if self.over == counted else f"{counted}; interval over {self.over}"

    @property
    def words(self) -> str:
        """The difference in points: ``3.12 [2.50, 3.74]``."""
        if math.isnan(self.interval.low):
            return f"{100 * self.mean:.2f}"
        return f"{100 * self.mean:.2f} [{100 * self.interval.low:.2f}, {100 * self.interval.high:.2f}]"


def collect_results(comparison: ConditionResults, probe: str, records: Iterable[ProbeRecord]) -> list[ProbeResult]:
    """Collect one result per group that was probed, from the records with the most images."""
    by_run = latest_answers(probe, records)
    results = []
    for group in comparison.groups:
        probed = [(run, by_run[run.stem]) for run in group.runs if run.stem in by_run]
        largest = max(((record.train_images, record.images) for _, record in probed), default=None)
        probed = [(run, record) for run, record in probed if (record.train_images, record.images) == largest]
        if probed:
            names = [name for name in probed[0][1].numbers if all(name in record.numbers for _, record in probed)]
            numbers = {name: np.array([record.numbers[name] for _, record in probed]) for name in names}
            seeds = tuple(run.trial.seed for run, _ in probed)
            results.append(ProbeResult(group, seeds, numbers, tuple(record for _, record in probed)))
    return results


def difference_over_seeds(differences: np.ndarray) -> Difference:
    """Compute the mean of one difference per seed and its t interval; judged from three seeds on."""
    count = len(differences)
    interval = stats.t_interval(list(differences))
    return Difference(float(differences.mean()), interval, f"{count} seeds", judged=count >= 3, seeds=count)


def difference(result: ProbeResult, first: str, second: str, retrained: bool = False) -> Difference:
    """Compute by how much ``first`` is above ``second``: over seeds where there are three or more.

    With fewer, and where both are accuracies of the same model trained twice (``retrained``), the spread of a
    difference is taken from the accuracies of the group's seeds, of which there may be more. Else over test images.
    """
    over_seeds = difference_over_seeds(result.numbers[first] - result.numbers[second])
    if over_seeds.judged:
        return over_seeds
    mean, count = over_seeds.mean, over_seeds.seeds
    accuracies = result.group.accuracies
    if retrained and len(accuracies) >= 3 and result.train_images == result.group.runs[0].trial.train_size:
        spread = stats.t_interval(accuracies)
        # half a width is t s / sqrt(n); the mean of k differences of two has s sqrt(2 / k)
        half = (spread.high - spread.low) / 2 * math.sqrt(2 * len(accuracies) / count)
        return Difference(
            mean,
            stats.Interval(mean - half, mean + half),
            f"the spread of {len(accuracies)} seeds",
            judged=True,
            seeds=count,
        )
    alone = [float(result.numbers[f"{name}_alone"].mean()) for name in (first, second)]
    interval = stats.share_difference(alone[0], alone[1], result.images)
    return Difference(mean, interval, "test images alone", judged=False, seeds=count)


def group_label(group: Group, groups: Iterable[Group]) -> str:
    """Format the model's name, marked if it is flagged, with its location where the groups are from several."""
    several = len({other.location for other in groups}) > 1
    return f"{group.name}, {group.location}" if several else group.name


def label(result: ProbeResult, results: Sequence[ProbeResult]) -> str:
    """Label a result among ``results``; see :func:`group_label`."""
    return group_label(result.group, [other.group for other in results])


def hint(result: ProbeResult) -> str:
    """Describe what a result's numbers are measured on."""
    seeds = ", ".join(map(str, result.seeds))
    return f"n = {result.images:,} test images; seeds {seeds}; {result.group.location}; {provenance(result.records)}"


def curve_style(result: ProbeResult, results: Sequence[ProbeResult], colours: Mapping[str, str]) -> dict[str, Any]:
    """Choose a curve's colour by model and its line style by location, as Matplotlib's keyword arguments."""
    styles = location_styles(sorted({other.group.location for other in results}))
    return {"color": colours[result.group.model], "linestyle": styles[result.group.location]}


def seed_count_text(results: Sequence[ProbeResult]) -> str:
    """Format the number of seeds: ``1 seed``, ``3 seeds``, ``1 to 3 seeds``."""
    counts = {len(result.seeds) for result in results}
    low, high = min(counts), max(counts)
    return f"{low} seed{'' if low == 1 else 's'}" if low == high else f"{low} to {high} seeds"


def table_rows(slug: str, results: Sequence[ProbeResult]) -> list[dict[str, Any]]:
    """Build the CSV's rows, one per run and number."""
    return [
        {
            "condition": slug,
            "model": result.group.model,
            "system": result.group.location,
            "seed": seed,
            "images": result.images,
            "train_images": result.train_images,
            "measured": name,
            "value": float(values[position]),
        }
        for result in results
        for name, values in result.numbers.items()
        for position, seed in enumerate(result.seeds)
    ]
