"""The accepted baseline of a machine, and a run held against it.

The baseline does not follow the code: a run that is merely no slower does not join it, or small steps would add up
unseen. It begins with the oldest run, or with one that was accepted since, and later runs of the same commit join.
"""

import difflib
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.common.errors import UserError
from bench.records.pytest_benchmarks import ACCEPTED, Case, SavedRun

MOST_RUNS = 5
"""Runs of one commit that a baseline is the median of, at most: the first ones."""

SURROUNDINGS = ("device", "threads")
"""Conditions of a case that the machine sets, and not the benchmark."""


@dataclass(frozen=True)
class Baseline:
    """Accepted runs of one case: the first is the one that was accepted, the others are of the same code."""

    name: str
    runs: tuple[SavedRun, ...]

    @property
    def median_s(self) -> float:
        """Median over the runs of each run's median, in seconds."""
        return statistics.median(run.cases[self.name].median_s for run in self.runs)

    @property
    def conditions(self) -> Mapping[str, Any]:
        """Conditions that are the same for all its runs."""
        return self.runs[0].cases[self.name].conditions


@dataclass(frozen=True)
class Step:
    """One benchmark and its baseline; ``before_s`` is None where there is none to compare with."""

    case: Case
    before_s: float | None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Time now over time before; None where there is no before."""
        return self.case.median_s / self.before_s if self.before_s else None

    @property
    def slower(self) -> bool:
        """Slower than before by more than the case's own threshold."""
        return self.ratio is not None and self.ratio > 1 + self.case.threshold

    @property
    def regression(self) -> str:
        """A line such as ``test_training_step[cnn]: 31.2 ms, was 16.1 ms: 1.94 times as long, allowed 1.30``."""
        after, before = f"{1e3 * self.case.median_s:.3g} ms", f"{1e3 * (self.before_s or 0):.3g} ms"
        times = f"{self.ratio:.2f} times as long, allowed {1 + self.case.threshold:.2f}"
        return f"{self.case.name}: {after}, was {before}: {times}"


@dataclass(frozen=True)
class Vanished:
    """A case of the baseline that the run no longer has; ``successor`` is the new case most like it, if any."""

    name: str
    successor: str | None

    def __str__(self) -> str:
        renamed = f"; renamed to {self.successor}?" if self.successor else ""
        return f"{self.name} is in the baseline and no longer a benchmark{renamed}"


def find_baselines(runs: Sequence[SavedRun], accepted: Collection[str]) -> dict[str, Baseline]:
    """Find the baseline of each case.

    Args:
        runs: of one machine, in the order they were saved.
        accepted: files of the runs that were accepted. One of all cases replaces every baseline before it, one that
            ``--only`` chose those of its own cases.

    Raises:
        UserError: an accepted run is not among ``runs``.
    """
    if missing := sorted(set(accepted) - {run.file for run in runs}):
        raise UserError(
            f"{ACCEPTED} names {missing[0]}, which is no saved run here: restore it, or begin a new baseline with "
            "'track --accept'"
        )
    whole = [number for number, run in enumerate(runs) if run.file in accepted and not run.deselected]
    since = runs[whole[-1] :] if whole else runs
    names = dict.fromkeys(name for run in since for name in run.cases)
    return {name: _baseline(name, [run for run in since if name in run.cases], accepted) for name in names}


def _baseline(name: str, runs: Sequence[SavedRun], accepted: Collection[str]) -> Baseline:
    begin = max((number for number, run in enumerate(runs) if run.file in accepted), default=0)
    first, *later = runs[begin:]
    joining = [run for run in later if _same_code(run, first) and not _differences(name, run, first)]
    return Baseline(name, (first, *joining[: MOST_RUNS - 1]))


def _same_code(run: SavedRun, first: SavedRun) -> bool:
    return run.commit == first.commit != "unknown" and run.dirty is False and first.dirty is False


def _differences(name: str, run: SavedRun, first: SavedRun) -> list[str]:
    """Conditions of a case, or facts of the environment, in which two runs differ."""
    return changes(first.environment, run.environment) + changes(
        first.cases[name].conditions, run.cases[name].conditions
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Describe what differs, each as ``threads 2 -> 4``."""
    names = [*before, *(name for name in after if name not in before)]
    return [
        f"{name} {before.get(name, 'unknown')} -> {after.get(name, 'unknown')}"
        for name in names
        if before.get(name) != after.get(name)
    ]


def surroundings_changed(run: SavedRun, baselines: Mapping[str, Baseline]) -> list[str]:
    """Describe in what the machine or its software differ from those of the baselines of this run's cases."""
    found: dict[str, None] = {}
    for name, case in run.cases.items():
        if baseline := baselines.get(name):
            found |= dict.fromkeys(changes(baseline.runs[0].environment, run.environment))
            before, after = (_surroundings(conditions) for conditions in (baseline.conditions, case.conditions))
            found |= dict.fromkeys(changes(before, after))
    return list(found)


def _surroundings(conditions: Mapping[str, Any]) -> dict[str, Any]:
    return {name: conditions[name] for name in SURROUNDINGS if name in conditions}


def compare(run: SavedRun, baselines: Mapping[str, Baseline]) -> list[Step]:
    """One step per case, in the order they ran; a case whose conditions changed is not compared."""
    return [_step(case, baselines.get(name)) for name, case in run.cases.items()]


def _step(case: Case, baseline: Baseline | None) -> Step:
    if baseline is None:
        return Step(case, None, "baseline")
    if changed := changes(baseline.conditions, case.conditions):
        return Step(case, None, f"not comparable: {'; '.join(changed)}")
    return Step(case, baseline.median_s)


def find_vanished(run: SavedRun, baselines: Mapping[str, Baseline]) -> list[Vanished]:
    """Find the cases of the baseline that are gone, and not merely left out by ``--only``."""
    known = run.cases.keys() | run.deselected
    new = [name for name in run.cases if name not in baselines]
    gone = [name for name in baselines if name not in known]
    return [Vanished(name, next(iter(difflib.get_close_matches(name, new, n=1)), None)) for name in gone]
