"""Matching of the two sides' runs: those of the same trial on the same system belong together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.analysis.condition import Condition, condition_of
from bench.records.schema import Run

ONLY_IN_BASE, ONLY_IN_NEW = "only in BASE", "only in NEW"


@dataclass(frozen=True, order=True)
class ComparisonKey:
    """Key of a line of the table: a model on a system and device under a condition."""

    model: str
    system: str
    device: str
    condition: Condition

    @property
    def location(self) -> str:
        """System and device, as in all tables."""
        return f"{self.system} ({self.device})"


Trials = dict[str, list[Run]]
"""By ``trial_id`` the latest run on each machine that was not interrupted, the newest last."""


@dataclass(frozen=True)
class Match:
    """Trials of both sides under one key; a side without any is None, and ``reason`` says what it has instead."""

    key: ComparisonKey
    base: Trials | None
    new: Trials | None
    reason: str = ""


def match(base: Iterable[Run], new: Iterable[Run]) -> list[Match]:
    """Match the runs of both sides, whose systems have labels of their own, by key; sorted by key."""
    before, after = _by_key(base), _by_key(new)
    matches = [Match(key, before[key], after[key]) for key in before.keys() & after.keys()]
    lost, added = before.keys() - after.keys(), after.keys() - before.keys()
    nearest = {key: _nearest(key, lost) for key in added}
    for key, other in nearest.items():
        reason = _difference(other, before[other], key, after[key]) if other else ONLY_IN_NEW
        matches.append(Match(key, None, after[key], reason))
    matches += [Match(key, before[key], None, ONLY_IN_BASE) for key in lost - set(nearest.values())]
    return sorted(matches, key=lambda matched: matched.key)


def _by_key(runs: Iterable[Run]) -> Mapping[ComparisonKey, Trials]:
    by_key: dict[ComparisonKey, Trials] = {}
    for run in sorted(runs, key=lambda run: run.started_at):
        if run.status != "interrupted":  # says nothing about the code
            key = ComparisonKey(run.trial.model, run.machine.label, run.trial.device, condition_of(run))
            trials = by_key.setdefault(key, {})
            elsewhere = [other for other in trials.get(run.trial_id, []) if other.machine.id != run.machine.id]
            trials[run.trial_id] = [*elsewhere, run]
    return by_key


def _nearest(key: ComparisonKey, others: Iterable[ComparisonKey]) -> ComparisonKey | None:
    """The key of the same model with the fewest differences; None where there is none."""
    same_model = [other for other in others if other.model == key.model]
    return min(same_model, key=lambda other: (len(_differing(other, key)), other), default=None)


def _difference(base: ComparisonKey, before: Trials, new: ComparisonKey, after: Trials) -> str:
    """The differences in words; where the systems differ, also on which side it is because of an old record."""
    old = [name for name, trials in (("BASE", before), ("NEW", after)) if base.system != new.system and _old(trials)]
    return "; ".join(_differing(base, new) + ([f"hardware not recorded in {' and '.join(old)}"] if old else []))


def _old(trials: Trials) -> bool:
    return any(run.machine.system is None for runs in trials.values() for run in runs)


def _differing(base: ComparisonKey, new: ComparisonKey) -> list[str]:
    pairs = {"system": (base.system, new.system), "device": (base.device, new.device)}
    pairs |= {name: (getattr(base.condition, name), getattr(new.condition, name)) for name in vars(base.condition)}
    return [f"{name} {before} -> {after}" for name, (before, after) in pairs.items() if before != after]
