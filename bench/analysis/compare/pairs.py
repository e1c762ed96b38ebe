"""Pairs of runs of the same trial, one of each side: which of them show a change in accuracy, and which one in time."""

from collections.abc import Container, Iterable, Sequence
from typing import TypeAlias

from bench.analysis.compare.matching import Trials
from bench.records.schema import Run

Pair: TypeAlias = tuple[Run, Run]
"""A run of BASE and one of NEW."""

ELSEWHERE = "measured on another machine of the same kind (--across-machines compares them)"


def newest_pairs(base: Trials, new: Trials) -> list[Pair]:
    """Pair the newest runs of each trial that both sides have, whatever the machine; seeds ascending."""
    pairs = [(base[trial][-1], new[trial][-1]) for trial in base.keys() & new.keys()]
    return sorted(pairs, key=_order)


def timed_pairs(base: Trials, new: Trials, finished: Iterable[Pair], across_machines: bool) -> list[Pair]:
    """Pair the runs of the ``finished`` trials whose times may be compared: those of the same machine.

    A trial that both sides have on several machines gives a pair for each. A record that is on both sides says nothing
    of a change, so it counts only where the newest runs are one record too.

    Args:
        finished: the newest runs of each trial, done on both sides.
        across_machines: a trial without such a pair gives its newest one.
    """
    pairs: list[Pair] = []
    for newest in finished:
        before, after = (_by_machine(side[run.trial_id]) for side, run in zip((base, new), newest, strict=True))
        same_machine = [(before[machine], after[machine]) for machine in before.keys() & after.keys()]
        told = [pair for pair in same_machine if is_same_record(newest) or not is_same_record(pair)]
        pairs += told or ([newest] if across_machines else [])
    return sorted(pairs, key=_order)


def is_same_record(pair: Pair) -> bool:
    """Tell whether both sides hold one and the same record."""
    return pair[0].started_at == pair[1].started_at and pair[0] == pair[1]


def pair_notes(finished: Sequence[Pair], pairs: Sequence[Pair]) -> list[str]:
    """Note on what is in ``finished`` but not in ``pairs``, and on pairs of different machines."""
    seeds, paired = _seeds(finished), _seeds(pairs)
    lost = sorted(seeds - paired)
    notes = [f"seed {_joined(lost)} {ELSEWHERE}"] if lost else []
    left_out = [
        name for side, name in enumerate(("BASE", "NEW")) if not _runs(finished, side, paired) <= _runs(pairs, side)
    ]
    if left_out:
        notes.append(f"newest runs of {' and '.join(left_out)} left out: measured on another machine of the same kind")
    apart = sorted(_seeds(pair for pair in pairs if pair[0].machine.id != pair[1].machine.id))
    if apart:
        which = "" if set(apart) == paired else f"seed {_joined(apart)} "
        notes.append(f"{which}measured on different machines of the same kind")
    return notes


def _runs(pairs: Iterable[Pair], side: int, seeds: Container[int] | None = None) -> set[tuple[int, str]]:
    """Seeds and machines of one side of the pairs; only of ``seeds`` where given."""
    runs = [pair[side] for pair in pairs]
    return {(run.trial.seed, run.machine.id) for run in runs if seeds is None or run.trial.seed in seeds}


def _by_machine(runs: Iterable[Run]) -> dict[str, Run]:
    return {run.machine.id: run for run in runs if run.status == "done"}


def _order(pair: Pair) -> tuple[int, str]:
    return pair[0].trial.seed, pair[0].machine.id


def _seeds(pairs: Iterable[Pair]) -> set[int]:
    return {before.trial.seed for before, _ in pairs}


def _joined(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))
