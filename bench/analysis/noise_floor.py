"""Noise floors by A/A comparison: how much repeats of the same trial differ, below which a change means nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.analysis.groups import location_of
from bench.analysis.metrics import METRICS, Metric
from bench.records.schema import Run
from bench.records.storage import NOISE_FOLDER, load_runs


@dataclass(frozen=True, order=True)
class NoiseKey:
    """The settings a noise floor applies to, whatever the number of epochs and the seed."""

    model: str
    location: str
    precision: str
    batch_size: int
    train_size: int
    threads: int
    dataset: str
    recipe: str


@dataclass(frozen=True)
class Floor:
    """The largest change between two repeats, as :meth:`bench.analysis.metrics.Metric.change` counts it."""

    change: float
    repeats: int


Floors = dict[tuple[NoiseKey, str], Floor]
"""Noise floors by key and name of the metric."""


def noise_key(run: Run) -> NoiseKey:
    """Key by which a run's noise floor is looked up."""
    trial = run.trial
    return NoiseKey(
        model=trial.model,
        location=location_of(run),
        precision=trial.precision,
        batch_size=trial.batch_size,
        train_size=trial.train_size,
        threads=trial.threads,
        dataset=trial.dataset,
        recipe=", ".join(filter(None, [f"{trial.optimizer} {trial.learning_rate:g}", trial.details])),
    )


def noise_runs(results: Path) -> list[Run]:
    """Load the finished repeats stored with the results; ``doctor`` names the files that are no records."""
    return [run for run in load_runs(results / NOISE_FOLDER)[0] if run.status == "done"]


def floors_of(key: NoiseKey, floors: Floors) -> dict[str, Floor]:
    """Noise floors of one key by metric."""
    return {metric: floors[key, metric] for metric in METRICS if (key, metric) in floors}


def noise_floors(runs: Iterable[Run]) -> Floors:
    """Compute the noise floor of every metric for every repeated trial; the widest if several versions were repeated.

    Only runs of one key, that is of the same trial and the same code, are repeats of each other.
    """
    by_key: dict[str, list[Run]] = {}
    for run in runs:
        by_key.setdefault(run.key, []).append(run)
    floors: Floors = {}
    for repeats in by_key.values():
        if len(repeats) < 2:
            continue
        for metric in METRICS.values():
            floor_key = noise_key(repeats[0]), metric.name
            floor = Floor(_largest_change(metric, repeats), len(repeats))
            floors[floor_key] = max(floors.get(floor_key, floor), floor, key=lambda candidate: candidate.change)
    return floors


def _largest_change(metric: Metric, repeats: list[Run]) -> float:
    values = [metric.of_runs([run]) for run in repeats]
    return metric.change(min(values), max(values))
