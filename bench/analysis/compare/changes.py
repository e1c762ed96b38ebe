"""Changes between matching runs: their size, and whether they may be chance."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.analysis import stats
from bench.analysis.compare.matching import ComparisonKey, Match, Trials, match
from bench.analysis.compare.sources import Side
from bench.analysis.metrics import METRICS, Metric
from bench.analysis.noise_floor import Floor, Floors, noise_key
from bench.records.schema import Run
from bench.records.storage import load_correct

ALPHA = 0.05

WORSE, BETTER, PERHAPS, SAME, INCOMPARABLE, FAILING, FIXED = "+", "-", "~", "", "x", "!", "*"


@dataclass(frozen=True)
class Change:
    """One line of the table: one metric of one model on one machine under one condition.

    ``change`` counts as the metric does and ``p_value`` is adjusted for all lines of the metric; both are NaN where
    the two sides may not be compared, and ``note`` says why. ``p_value`` is also NaN where no test can be made.
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

    @property
    def name(self) -> str:
        """Name of the line, as a gate spells it: ``cnn.epoch_s``."""
        return f"{self.key.model}.{self.metric}"

    @property
    def worsening(self) -> float:
        """Amount by which the metric got worse, as it counts changes; NaN where unknown."""
        return METRICS[self.metric].worsening(self.change) if self.metric in METRICS else math.nan


def find_changes(base: Side, new: Side) -> list[Change]:
    """Compare every metric of everything that either side has; sorted by key."""
    floors = base.floors | new.floors
    changes = [
        change
        for matched in match(base.runs, new.runs)
        for change in _changes_of(matched, floors, (base.folder, new.folder))
    ]
    return _adjusted(changes)


def _changes_of(matched: Match, floors: Floors, folders: tuple[Path, Path]) -> list[Change]:
    if matched.base is None or matched.new is None:
        return [_incomparable(matched.key, "all", matched.reason)]
    failures = _failures(matched.key, matched.base, matched.new)
    pairs = [(matched.base[trial], matched.new[trial]) for trial in matched.base.keys() & matched.new.keys()]
    pairs = [(a, b) for a, b in pairs if a.status == b.status == "done"]
    if not pairs:
        seeds = [", ".join(str(run.trial.seed) for run in side.values()) for side in (matched.base, matched.new)]
        nothing = _incomparable(matched.key, "all", f"no seed in common: {seeds[0]} -> {seeds[1]}")
        return failures or [nothing]
    pairs.sort(key=lambda pair: pair[0].trial.seed)
    same = all(a.stem == b.stem for a, b in pairs)
    basis = _left_out(matched.base, matched.new) or ("the same records" if same else "")
    note = "; ".join(filter(None, [basis, *_flag_notes(pairs)]))
    changes = [_metric_change(matched.key, metric, pairs, floors, folders) for metric in METRICS.values()]
    return failures + [replace(change, note=change.note or note) for change in changes]


def _left_out(base: Trials, new: Trials) -> str:
    """Note on the seeds that only one side has, which are in none of the numbers: ``seed 2 only in BASE``."""
    sides = {"BASE": base.keys() - new.keys(), "NEW": new.keys() - base.keys()}
    both = base | new
    seeds = {name: sorted(both[trial].trial.seed for trial in alone) for name, alone in sides.items()}
    return "; ".join(f"seed {', '.join(map(str, only))} only in {name}" for name, only in seeds.items() if only)


def _flag_notes(pairs: Sequence[tuple[Run, Run]]) -> list[str]:
    """Note on the flags that the compared runs carry, for each side that has any: ``flagged in NEW: no_logits``."""
    sides = {"BASE": [run for run, _ in pairs], "NEW": [run for _, run in pairs]}
    flags = {side: sorted({flag.name for run in runs for flag in run.flags}) for side, runs in sides.items()}
    return [f"flagged in {side}: {', '.join(names)}" for side, names in flags.items() if names]


def _failures(key: ComparisonKey, base: Trials, new: Trials) -> list[Change]:
    """One change for the seeds that fail only in NEW, one for those that fail only in BASE."""
    shared = [(base[trial], new[trial]) for trial in base.keys() & new.keys()]
    failing = [after for before, after in shared if before.status == "done" != after.status]
    fixed = [before for before, after in shared if before.status != "done" == after.status]
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
    pairs: Sequence[tuple[Run, Run]],
    floors: Floors,
    folders: tuple[Path, Path],
) -> Change:
    before, after = [run for run, _ in pairs], [run for _, run in pairs]
    threads = [sorted({run.trial.threads for run in runs}) for runs in (before, after)]
    if metric.relative and threads[0] != threads[1]:
        return _incomparable(key, metric.name, f"threads {_joined(threads[0])} -> {_joined(threads[1])}")
    values = metric.of_runs(before), metric.of_runs(after)
    return Change(
        key=key,
        metric=metric.name,
        before=values[0],
        after=values[1],
        change=metric.change(*values),
        p_value=_p_value(metric, pairs, folders),
        floor=floors.get((noise_key(after[-1]), metric.name)),
        mark=SAME,
        note="",
    )


def _p_value(metric: Metric, pairs: Sequence[tuple[Run, Run]], folders: tuple[Path, Path]) -> float:
    """p-value of a metric's change over the pairs; NaN if there is but one seed, or the predictions are gone."""
    if len(pairs) < 2:
        return math.nan
    if metric.relative:
        values = [(metric.of_runs([a]), metric.of_runs([b])) for a, b in pairs]
        return stats.ratio_test([a for a, _ in values], [b for _, b in values])
    if all(a.stem == b.stem for a, b in pairs):
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
