"""Matching of the two sides' runs: those of the same trial on the same machine belong together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.analysis.groups import Condition, condition_of, location_of
from bench.records.schema import Run, disambiguate


@dataclass(frozen=True, order=True)
class ComparisonKey:
    """Key of a line of the table: a model on a machine and device under a condition."""

    model: str
    location: str
    condition: Condition


Trials = dict[str, Run]
"""The latest run of each trial that was not interrupted, by ``trial_id``."""


@dataclass(frozen=True)
class Match:
    """Trials of both sides under one key; a side without any is None, and ``reason`` says what it has instead."""

    key: ComparisonKey
    base: Trials | None
    new: Trials | None
    reason: str = ""


def match(base: Iterable[Run], new: Iterable[Run]) -> list[Match]:
    """Match the runs of both sides by key; sorted by key."""
    older, newer = list(base), list(new)
    every = disambiguate([*older, *newer])  # a machine may have a namesake on the other side
    before, after = _by_key(every[: len(older)]), _by_key(every[len(older) :])
    matches = [Match(key, before[key], after[key]) for key in before.keys() & after.keys()]
    lost, added = before.keys() - after.keys(), after.keys() - before.keys()
    nearest = {key: _nearest(key, lost) for key in added}
    matches += [Match(key, None, after[key], _difference(nearest[key], key)) for key in added]
    matches += [Match(key, before[key], None, "only in BASE") for key in lost - set(nearest.values())]
    return sorted(matches, key=lambda matched: matched.key)


def _by_key(runs: Iterable[Run]) -> Mapping[ComparisonKey, Trials]:
    by_key: dict[ComparisonKey, Trials] = {}
    for run in sorted(runs, key=lambda run: run.started_at):
        if run.status != "interrupted":  # says nothing about the code
            key = ComparisonKey(run.trial.model, location_of(run), condition_of(run))
            by_key.setdefault(key, {})[run.trial_id] = run
    return by_key


def _nearest(key: ComparisonKey, others: Iterable[ComparisonKey]) -> ComparisonKey | None:
    """The key of the same model with the fewest differences; None where there is none."""
    same_model = [other for other in others if other.model == key.model]
    return min(same_model, key=lambda other: (len(_differing(other, key)), other), default=None)


def _difference(base: ComparisonKey | None, new: ComparisonKey) -> str:
    return "; ".join(_differing(base, new)) if base else "only in NEW"


def _differing(base: ComparisonKey, new: ComparisonKey) -> list[str]:
    pairs = {"machine": (base.location, new.location)} | {
        name: (getattr(base.condition, name), getattr(new.condition, name)) for name in vars(base.condition)
    }
    return [f"{name} {before} -> {after}" for name, (before, after) in pairs.items() if before != after]
