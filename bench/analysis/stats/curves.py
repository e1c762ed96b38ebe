"""Summaries of a curve in one number: the area under it, where it falls below a level, when it reaches a goal."""

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
    """Summarise the times to reach a goal; NaN is a miss."""
    seconds = np.asarray(times, dtype=float)
    finite = seconds[np.isfinite(seconds)]
    if not len(finite):
        return Reached(math.nan, math.nan, math.nan, len(seconds), len(seconds))
    ordered = np.sort(np.where(np.isfinite(seconds), seconds, math.inf))
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    median = float(middle) if math.isfinite(middle) else math.nan
    return Reached(median, float(finite.min()), float(finite.max()), len(seconds) - len(finite), len(seconds))


def area_under(x: np.ndarray, y: np.ndarray) -> float:
    """Mean of ``y`` over the range of ``x``, by trapezoids; ``x`` ascending, of shape ``(P,)`` as ``y``."""
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def falls_below(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """The ``x`` at which ``y`` first falls below ``level``, in the order given, interpolated; NaN if it never does.

    The first ``x`` if ``y`` begins below ``level``.
    """
    below = np.flatnonzero(np.asarray(y) < level)
    if not len(below):
        return math.nan
    after = int(below[0])
    if after == 0:
        return float(x[0])
    share = (y[after - 1] - level) / (y[after - 1] - y[after])
    return float(x[after - 1] + share * (x[after] - x[after - 1]))
