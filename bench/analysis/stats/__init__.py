"""Statistics as pure functions of numbers; a random generator is passed in where one is needed."""

from bench.analysis.stats.bootstrap import resample_images, two_way_bootstrap
from bench.analysis.stats.curves import Reached, area_under, falls_below, reached
from bench.analysis.stats.intervals import (
    Interval,
    Spread,
    is_unsteady,
    share_difference,
    spread,
    t_interval,
    wilson_interval,
)
from bench.analysis.stats.multiple_testing import Verdict, decide_verdicts, holm
from bench.analysis.stats.paired import (
    McNemar,
    PairedTest,
    mcnemar,
    mean_test,
    minimum_detectable,
    paired_test,
    ratio_test,
)
from bench.analysis.stats.rounds import Ratio, paired_ratio

__all__ = [
    "Interval",
    "McNemar",
    "PairedTest",
    "Ratio",
    "Reached",
    "Spread",
    "Verdict",
    "area_under",
    "decide_verdicts",
    "falls_below",
    "holm",
    "is_unsteady",
    "mcnemar",
    "mean_test",
    "minimum_detectable",
    "paired_ratio",
    "paired_test",
    "ratio_test",
    "reached",
    "resample_images",
    "share_difference",
    "spread",
    "t_interval",
    "two_way_bootstrap",
    "wilson_interval",
]
