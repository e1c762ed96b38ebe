"""Tuning curves: how good the best of so many random draws is, on held-out images.

A random trial is an independent draw of the space, so the curve of the median and its simultaneous confidence band
follow from their accuracies alone. Source: Lourie, Cho and He, "Show your work with confidence: confidence bands for
tuning curves" (2024), and their package opda.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.records.tuning import TunedTrial

CONFIDENCE = 0.95
METHOD = "ld_equal_tailed"


@dataclass(frozen=True)
class TuningStudy:
    """The trials of one model in one study on one system, with the draws by number."""

    space: str
    model: str
    location: str
    trials: tuple[TunedTrial, ...]

    @property
    def random(self) -> list[float]:
        """Accuracies of the random trials, by number; 0 where one failed."""
        drawn = sorted((trial.number, trial.accuracy or 0.0) for trial in self.trials if trial.role == "random")
        return [accuracy for _, accuracy in drawn]

    @property
    def seconds(self) -> float:
        """Seconds that all trials took."""
        return sum(trial.seconds for trial in self.trials)

    def count(self, role: str) -> int:
        """Number of trials in a role."""
        return sum(trial.role == role for trial in self.trials)

    @property
    def best(self) -> float:
        """Highest accuracy of a draw from its first seed; of several draws it flatters itself."""
        return max((trial.accuracy or 0.0 for trial in self.trials if trial.role != "final"), default=0.0)


@dataclass(frozen=True)
class TuningCurve:
    """Median accuracy of the best of n random trials, and its band; three arrays of shape ``(N,)``, n from 1 to N."""

    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


def collect_studies(records: Iterable[TunedTrial]) -> list[TuningStudy]:
    """Collect the trials of each study on each system, those of the newest study and code where there are several."""
    newest: dict[tuple[str, str, str], TunedTrial] = {}
    by_draw: dict[tuple[str, str, str], dict[tuple[int, int], TunedTrial]] = {}
    for record in sorted(records, key=lambda record: record.started_at):
        location = f"{record.machine.label} ({record.trial.device})"
        key = record.space, record.trial.model, location
        if key in newest and newest[key].study != record.study:
            by_draw[key] = {}
        newest[key] = record
        by_draw.setdefault(key, {})[record.number, record.trial.seed] = record
    return [TuningStudy(*key, tuple(draws.values())) for key, draws in sorted(by_draw.items())]


def tuning_curve(accuracies: Sequence[float]) -> TuningCurve:
    """Compute the curve for up to as many trials as there are.

    Raises:
        ImportError: opda is not installed.
    """
    from opda.nonparametric import EmpiricalDistribution

    numbers = np.arange(1, len(accuracies) + 1)
    # the lower bound of a distribution is the upper one of what the best of it reaches
    upper, middle, lower = EmpiricalDistribution.confidence_bands(
        ys=np.array(accuracies), confidence=CONFIDENCE, a=0.0, b=1.0, method=METHOD, n_jobs=1
    )
    return TuningCurve(*(part.quantile_tuning_curve(numbers) for part in (middle, lower, upper)))
