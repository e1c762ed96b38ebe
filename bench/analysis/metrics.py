"""Metrics compared between two sets of runs: the value of each, its direction, and how its change is counted."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.analysis.groups import timed_epochs
from bench.records.schema import Run


@dataclass(frozen=True)
class Metric:
    """A number computed from a group of runs.

    ``higher_is_better`` gives the direction; ``relative`` metrics change by a share of what they were, the others
    (fractions) by points. ``large`` is the change from which on it is shown though it may be chance.
    """

    name: str
    of_runs: Callable[[Sequence[Run]], float]
    unit: str
    higher_is_better: bool
    relative: bool
    large: float

    def change(self, before: float, after: float) -> float:
        """Change from ``before`` to ``after``: a ratio less 1, or a difference of fractions; NaN if it is undefined."""
        if self.relative:
            return after / before - 1 if before > 0 else math.nan
        return after - before

    def worsening(self, change: float) -> float:
        """The change with its sign turned so that a larger value is worse."""
        return -change if self.higher_is_better else change

    def amount(self, change: float) -> str:
        """Size of a change in words, without a sign: ``12.3 %`` or ``0.30 pp``."""
        return f"{100 * abs(change):.1f} %" if self.relative else f"{100 * abs(change):.2f} pp"


def _mean_accuracy(runs: Sequence[Run]) -> float:
    return float(np.mean([run.result.test_accuracy for run in runs if run.result]))


def _median_epoch(runs: Sequence[Run]) -> float:
    return float(np.median([seconds for run in runs for seconds in timed_epochs(run)]))


def _median_evaluation(runs: Sequence[Run]) -> float:
    return float(np.median([epoch.eval_s for run in runs for epoch in run.epochs]))


def _median_trial(runs: Sequence[Run]) -> float:
    return float(np.median([run.clock.total_s - run.clock.startup_s for run in runs if run.clock]))


def _highest_memory(runs: Sequence[Run]) -> float:
    return float(max((run.memory.process_peak_bytes for run in runs if run.memory), default=math.nan))


METRICS = {
    metric.name: metric
    for metric in (
        Metric("test_accuracy", _mean_accuracy, "fraction", higher_is_better=True, relative=False, large=0.003),
        Metric("epoch_s", _median_epoch, "s", higher_is_better=False, relative=True, large=0.1),
        Metric("eval_s", _median_evaluation, "s", higher_is_better=False, relative=True, large=0.1),
        Metric("trial_s", _median_trial, "s", higher_is_better=False, relative=True, large=0.1),
        Metric("peak_bytes", _highest_memory, "bytes", higher_is_better=False, relative=True, large=0.1),
    )
}
"""By name. ``epoch_s`` is the median epoch's training time after each trial's first; ``trial_s`` leaves out the start
of the worker process, which only the first trial of a model waits for."""
