"""Which runs of the two sides belong together: those of the same trial on the same machine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.analysis.groups import Condition, condition_of, location_of
from bench.records.machine_names import disambiguate
from bench.records.schema import Run


@dataclass(frozen=True, order=True)
class ComparisonKey:
    """What stands in one line of the table: a model on a machine and device under a condition."""

    model: str
    location: str
    condition: Condition


Trials = dict[str, Run]
"""The latest run of each trial that came to an end of its own, by ``trial_id``."""


@dataclass(frozen=True)
class Match:
    """Both sides of one subject; a side that is None has nothing of the kind, and ``reason`` says what it has."""

    key: ComparisonKey
    base: Trials | None
    new: Trials | None
    reason: str = ""


def match(base: Iterable[Run], new: Iterable[Run]) -> list[Match]:
    """Every subject of either side, sorted."""
    older, newer = list(base), list(new)
    every = disambiguate([*older, *newer])  # a machine may have a namesake on the other side
    before, after = _by_subject(every[: len(older)]), _by_subject(every[len(older) :])
    matches = [Match(key, before[key], after[key]) for key in before.keys() & after.keys()]
    lost, found = before.keys() - after.keys(), after.keys() - before.keys()
    answered = {key: _nearest(key, lost) for key in found}
    matches += [Match(each, None, after[each], _difference(answered[each], each)) for each in found]
    matches += [Match(each, before[each], None, "only in BASE") for each in lost - set(answered.values())]
    return sorted(matches, key=lambda each: each.key)


def _by_subject(runs: Iterable[Run]) -> Mapping[ComparisonKey, Trials]:
    found: dict[ComparisonKey, Trials] = {}
    for run in sorted(runs, key=lambda run: run.started_at):
        if run.status != "interrupted":  # says nothing about the code
            key = ComparisonKey(run.trial.model, location_of(run), condition_of(run))
            found.setdefault(key, {})[run.trial_id] = run
    return found


def _nearest(key: ComparisonKey, others: Iterable[ComparisonKey]) -> ComparisonKey | None:
    """Of the same model, the one with the fewest differences."""
    same_model = [other for other in others if other.model == key.model]
    return min(same_model, key=lambda other: (len(_differing(other, key)), other), default=None)


def _difference(base: ComparisonKey | None, new: ComparisonKey) -> str:
    return "; ".join(_differing(base, new)) if base else "only in NEW"


def _differing(base: ComparisonKey, new: ComparisonKey) -> list[str]:
    pairs = {"machine": (base.location, new.location)} | {
        name: (getattr(base.condition, name), getattr(new.condition, name)) for name in vars(base.condition)
    }
    return [f"{name} {before} -> {after}" for name, (before, after) in pairs.items() if before != after]
