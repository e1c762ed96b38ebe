"""The last lines of a run: what came out, in 80 columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from bench.report.groups import Comparison, Group
from bench.report.markdown import percent_with_interval, seconds
from bench.report.verdicts import Pair


def summary(comparisons: Sequence[Comparison], pairs: Mapping[str, Sequence[Pair]], page: Path) -> str:
    """A table and the verdicts per condition and machine, and where the report lies."""
    parts = []
    for comparison in comparisons:
        for place in comparison.places:
            groups = [group for group in comparison.groups if group.place == place]
            words = [pair.words for pair in pairs[comparison.condition.slug] if pair.place == place]
            parts.append("\n".join([comparison.condition.title, f"on {place}", _table(groups), *words]))
    return "\n\n".join([*parts, f"report: {page}"])


def _table(groups: Sequence[Group]) -> str:
    rows = [
        {
            "model": group.model,
            "seeds": len(group.seeds),
            "test accuracy": percent_with_interval(group),
            "epoch": seconds(group.epoch_spread.median),
            "images/s": f"{group.images_per_s:,.0f}",
            "parameters": f"{group.parameters:,}",
        }
        for group in groups
    ]
    align = ("left", "right", "left", "right", "right", "right")
    return tabulate(rows, headers="keys", colalign=align, disable_numparse=True)
