"""The comparison as a Markdown table in asv's manner, and as JSON."""

import math
from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from bench.analysis.compare.changes import MEANINGS, SAME, Change
from bench.analysis.metrics import METRICS
from bench.common.errors import one_line

LEGEND = ", ".join(f"{mark} {meaning}" for mark, meaning in MEANINGS.items() if mark)
SORTS = ("name", "change")


def arrange(changes: Sequence[Change], sort: str, only_changed: bool) -> list[Change]:
    """Order the changes by name, as they come, or the worst first; ``only_changed`` drops those that did not change."""
    shown = [change for change in changes if change.mark != SAME or not only_changed]
    if sort == "change":
        shown.sort(key=lambda change: -math.inf if math.isnan(change.worsening) else change.worsening, reverse=True)
    return shown


def table(changes: Sequence[Change]) -> str:
    """Render the changes in Markdown; the condition and the system stand in the line only where there are several."""
    if not changes:
        return "nothing changed"
    rows = [row | {"Note": row["Note"].replace("|", "\\|").replace("<", "&lt;")} for row in rows_of(changes)]
    align = ("center", "right", "right", "right", "right", "left", "left")
    return tabulate(rows, headers="keys", tablefmt="pipe", colalign=align, disable_numparse=True)


def to_json(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """One JSON object per line of the table; null where a number is unknown."""
    return [
        {
            "model": change.key.model,
            "system": change.key.system,
            "device": change.key.device,
            "condition": change.key.condition.title,
            "metric": change.metric,
            "before": _known(change.before),
            "after": _known(change.after),
            "change": _known(change.change),
            "p": _known(change.p_value),
            "noise_floor": change.floor.change if change.floor else None,
            "mark": change.mark,
            "note": change.note,
        }
        for change in changes
    ]


def rows_of(changes: Sequence[Change]) -> list[dict[str, str]]:
    """Cells of the table by column, a row per change; words of records are in them as they are, on one line."""
    several = len({(change.key.location, change.key.condition) for change in changes}) > 1
    return [_row(change, several) for change in changes]


def _row(change: Change, several: bool) -> dict[str, str]:
    where = f" {change.key.location}, {change.key.condition.title}" if several else ""
    return {
        "Change": f"`{change.mark}`" if change.mark else "",
        "Before": _value(change.metric, change.before),
        "After": _value(change.metric, change.after),
        "Difference": _signed(change),
        "p": "" if math.isnan(change.p_value) else f"{change.p_value:.2g}",
        "Benchmark": f"{change.name}{where}",
        "Note": one_line(change.note),
    }


def _signed(change: Change) -> str:
    if math.isnan(change.change):
        return ""
    return f"{'-' if change.change < 0 else '+'}{METRICS[change.metric].amount(change.change)}"


def _value(metric: str, value: float) -> str:
    if math.isnan(value):
        return ""
    unit = METRICS[metric].unit
    return {"fraction": f"{100 * value:.2f} %", "bytes": f"{value / 1e6:,.0f} MB", "s": f"{value:.3g} s"}[unit]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
