"""What a curve comes to in one number: the area under it, where it falls below a level, when it reaches a goal."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Reached:
    """Times to reach a goal in several trials, of which ``missed`` never did.

    The median counts a miss as later than all others and is NaN where it falls on one; ``low`` and ``high`` are the
    range of those that reached it, NaN if none did.
    """

    median: float
    low: float
    high: float
    missed: int
    trials: int


def reached(times: Sequence[float]) -> Reached:
    """Sum up the times; NaN is a miss."""
    waited = np.asarray(times, dtype=float)
    there = waited[np.isfinite(waited)]
    if not len(there):
        return Reached(math.nan, math.nan, math.nan, len(waited), len(waited))
    ordered = np.sort(np.where(np.isfinite(waited), waited, math.inf))
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    median = float(middle) if math.isfinite(middle) else math.nan
    return Reached(median, float(there.min()), float(there.max()), len(waited) - len(there), len(waited))


def area_under(x: np.ndarray, y: np.ndarray) -> float:
    """Mean of ``y`` over the range of ``x``, by trapezoids; ``x`` ascending, of shape ``(P,)`` as ``y``."""
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def falls_below(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """Where ``y`` first falls below ``level``, in the order given, linearly interpolated; NaN if it never does.

    The first ``x`` where ``y`` begins below.
    """
    below = np.flatnonzero(np.asarray(y) < level)
    if not len(below):
        return math.nan
    after = int(below[0])
    if after == 0:
        return float(x[0])
    share = (y[after - 1] - level) / (y[after - 1] - y[after])
    return float(x[after - 1] + share * (x[after] - x[after - 1]))
