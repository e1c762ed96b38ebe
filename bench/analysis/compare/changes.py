"""Changes between matching runs: their size, and whether they may be chance."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from bench.analysis import stats
from bench.analysis.compare.matching import ComparisonKey, Match, Trials, match
from bench.analysis.compare.pairs import ELSEWHERE, Pair, is_same_record, newest_pairs, pair_notes, timed_pairs
from bench.analysis.compare.sources import Side
from bench.analysis.metrics import METRICS, Metric
from bench.analysis.noise_floor import Floor, Floors, noise_floors, noise_key
from bench.records.schema import Run, disambiguate
from bench.records.storage import load_correct

ALPHA = 0.05
SAME_RECORDS = "the same records"

WORSE, BETTER, PERHAPS, SAME, INCOMPARABLE, FAILING, FIXED = "+", "-", "~", "", "x", "!", "*"
MEANINGS = {
    WORSE: "worse",
    BETTER: "better",
    PERHAPS: "changed but perhaps by chance",
    SAME: "unchanged",
    INCOMPARABLE: "not comparable",
    FAILING: "fails now",
    FIXED: "failed before",
}


@dataclass(frozen=True)
class Change:
    """One line of the table: one metric of one model on one system under one condition.

    ``change`` counts as the metric does and ``p_value`` is adjusted for all lines of the metric; both are NaN where
    the two sides may not be compared, and ``note`` says why. ``p_value`` is also NaN where no test can be made.
    ``same`` is true where both sides hold the same records, so that no change could show.
    """

    key: ComparisonKey
    metric: str
    before: float
    after: float
    change: float
    p_value: float
    floor: Floor | None
    mark: str
    note: str
    same: bool = False

    @property
    def name(self) -> str:
        """Name of the line, as a gate spells it: ``cnn.epoch_s``."""
        return f"{self.key.model}.{self.metric}"

    @property
    def worsening(self) -> float:
        """Amount by which the metric got worse, as it counts changes; NaN where unknown."""
        return METRICS[self.metric].worsening(self.change) if self.metric in METRICS else math.nan


def find_changes(base: Side, new: Side, across_machines: bool = False) -> list[Change]:
    """Compare every metric of everything that either side has; sorted by key.

    Args:
        across_machines: compare times and sizes of different machines of the same system too.
    """
    lists = base.runs, new.runs, base.repeats, new.repeats
    # a system may have a namesake on the other side
    every = iter(disambiguate([run for runs in lists for run in runs]))
    before, after, *repeats = (list(islice(every, len(runs))) for runs in lists)
    floors = noise_floors(repeats[0]) | noise_floors(repeats[1])
    changes = [
        change
        for matched in match(before, after)
        for change in _changes_of(matched, floors, (base.folder, new.folder), across_machines)
    ]
    return _adjusted(changes)


def _changes_of(matched: Match, floors: Floors, folders: tuple[Path, Path], across_machines: bool) -> list[Change]:
    key, base, new = matched.key, matched.base, matched.new
    if base is None or new is None:
        return [_incomparable(key, "all", matched.reason)]
    newest = newest_pairs(base, new)
    failures = _failures(key, newest)
    finished = [(a, b) for a, b in newest if a.status == b.status == "done"]
    if not finished:
        seeds = [", ".join(str(runs[-1].trial.seed) for runs in side.values()) for side in (base, new)]
        nothing = _incomparable(key, "all", f"no seed in common: {seeds[0]} -> {seeds[1]}")
        return failures or [nothing]
    timed = timed_pairs(base, new, finished, across_machines)
    left_out = [_left_out(base, new)]
    notes = {False: _note(finished, left_out), True: _note(timed, left_out + pair_notes(finished, timed))}
    same = {False: all(map(is_same_record, finished)), True: all(map(is_same_record, timed))}
    changes = []
    for metric in METRICS.values():
        change = _metric_change(key, metric, timed if metric.relative else finished, floors, folders)
        told = replace(change, note=notes[metric.relative], same=same[metric.relative])
        changes.append(change if change.note else told)
    return failures + changes


def _note(pairs: Sequence[Pair], notes: Sequence[str]) -> str:
    """Join ``notes`` or, where there are none, say if the records are the same; then the flags of the runs."""
    said = list(filter(None, notes))
    if not said and all(map(is_same_record, pairs)):
        said = [SAME_RECORDS]
    return "; ".join([*said, *_flag_notes(pairs)])


def _left_out(base: Trials, new: Trials) -> str:
    """Note on the seeds that only one side has, which are in none of the numbers: ``seed 2 only in BASE``."""
    sides = {"BASE": base.keys() - new.keys(), "NEW": new.keys() - base.keys()}
    both = base | new
    seeds = {name: sorted(both[trial][-1].trial.seed for trial in alone) for name, alone in sides.items()}
    return "; ".join(f"seed {', '.join(map(str, only))} only in {name}" for name, only in seeds.items() if only)


def _flag_notes(pairs: Sequence[Pair]) -> list[str]:
    """Note on the flags that the compared runs carry, for each side that has any: ``flagged in NEW: no_logits``."""
    sides = {"BASE": [run for run, _ in pairs], "NEW": [run for _, run in pairs]}
    flags = {side: sorted({flag.name for run in runs for flag in run.flags}) for side, runs in sides.items()}
    return [f"flagged in {side}: {', '.join(names)}" for side, names in flags.items() if names]


def _failures(key: ComparisonKey, newest: Sequence[Pair]) -> list[Change]:
    """One change for the seeds that fail only in NEW, one for those that fail only in BASE."""
    failing = [after for before, after in newest if before.status == "done" != after.status]
    fixed = [before for before, after in newest if before.status != "done" == after.status]
    return [
        _without_numbers(key, "status", mark, "; ".join(_failure_text(run) for run in runs))
        for mark, runs in ((FAILING, failing), (FIXED, fixed))
        if runs
    ]


def _failure_text(run: Run) -> str:
    return f"seed {run.trial.seed} {run.status}: {run.error}"


def _metric_change(
    key: ComparisonKey,
    metric: Metric,
    pairs: Sequence[Pair],
    floors: Floors,
    folders: tuple[Path, Path],
) -> Change:
    if not pairs:
        return _incomparable(key, metric.name, ELSEWHERE)
    before, after = [run for run, _ in pairs], [run for _, run in pairs]
    if metric.relative and any(a.trial.threads != b.trial.threads for a, b in pairs):
        threads = [sorted({run.trial.threads for run in runs}) for runs in (before, after)]
        return _incomparable(key, metric.name, f"threads {_joined(threads[0])} -> {_joined(threads[1])}")
    values = _value(metric, before), _value(metric, after)
    change = metric.change(*values)
    if math.isnan(change):
        sides = [name for name, value in zip(("BASE", "NEW"), values, strict=True) if math.isnan(value)]
        return _incomparable(key, metric.name, f"not recorded in {' and '.join(sides)}" if sides else "0 in BASE")
    return Change(
        key=key,
        metric=metric.name,
        before=values[0],
        after=values[1],
        change=change,
        p_value=_p_value(metric, pairs, folders),
        floor=floors.get((noise_key(after[-1]), metric.name)),
        mark=SAME,
        note="",
    )


def _value(metric: Metric, runs: Sequence[Run]) -> float:
    """Value of the metric over runs of one machine; of several the geometric mean, each with the weight of its runs.

    A median over all would be that of whichever machine has the most runs, and blind to what the others do.
    """
    if not metric.relative:
        return metric.of_runs(runs)
    by_machine: dict[str, list[Run]] = {}
    for run in runs:
        by_machine.setdefault(run.machine.id, []).append(run)
    if len(by_machine) == 1:
        return metric.of_runs(runs)
    return math.prod(math.pow(metric.of_runs(own), len(own) / len(runs)) for own in by_machine.values())


def _p_value(metric: Metric, pairs: Sequence[Pair], folders: tuple[Path, Path]) -> float:
    """p-value of a metric's change over the pairs; NaN if there is but one seed, or the predictions are gone."""
    if len(pairs) < 2:
        return math.nan
    if metric.relative:
        values = [(metric.of_runs([a]), metric.of_runs([b])) for a, b in pairs]
        return stats.ratio_test([a for a, _ in values], [b for _, b in values])
    if all(map(is_same_record, pairs)):
        return 1.0
    loaded = [(load_correct(folders[0], a), load_correct(folders[1], b)) for a, b in pairs]
    correct = [(a, b) for a, b in loaded if a is not None and b is not None]
    if len(correct) < 2 or len({array.shape for pair in correct for array in pair}) > 1:
        return math.nan
    return stats.paired_test(np.array([b for _, b in correct]), np.array([a for a, _ in correct])).p_value


def _adjusted(changes: Sequence[Change]) -> list[Change]:
    """Adjust the p-values by Holm over all lines of a metric, and set the marks that follow from them."""
    p_values: dict[int, float] = {}
    for metric in METRICS:
        lines = [i for i, line in enumerate(changes) if line.metric == metric and not math.isnan(line.p_value)]
        p_values |= dict(zip(lines, stats.holm([changes[i].p_value for i in lines]), strict=True))
    return [_marked(replace(line, p_value=p_values.get(i, math.nan))) for i, line in enumerate(changes)]


def _marked(change: Change) -> Change:
    if change.mark or math.isnan(change.change):
        return change
    metric = METRICS[change.metric]
    # Two days differ by more than one seed from the next, so a difference in time counts from the noise floor on;
    # the test on accuracies knows of both their errors and needs no such bound.
    large = abs(change.change) > (change.floor.change if change.floor and metric.relative else metric.large)
    significant = change.p_value < ALPHA and (large or not metric.relative)
    if significant and change.change:
        return replace(change, mark=WORSE if change.worsening > 0 else BETTER)
    return replace(change, mark=PERHAPS if large else SAME)


def _incomparable(key: ComparisonKey, metric: str, reason: str) -> Change:
    return _without_numbers(key, metric, INCOMPARABLE, reason)


def _without_numbers(key: ComparisonKey, metric: str, mark: str, note: str) -> Change:
    nan = math.nan
    return Change(key, metric, before=nan, after=nan, change=nan, p_value=nan, floor=None, mark=mark, note=note)


def _joined(values: Iterable[int]) -> str:
    return "/".join(map(str, values))
