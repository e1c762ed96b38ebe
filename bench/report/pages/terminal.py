"""Format the results for the terminal, in 80 columns."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bench.analysis.groups import Group
from bench.analysis.noise_floor import Floors
from bench.analysis.pairwise import select_pairs
from bench.report.elements.formatting import (
    model_flag_notes,
    percent_with_interval,
    seconds,
    speed_cell,
    unsteady_notes,
)
from bench.report.sections.document import Document, noise_rows
from bench.report.sections.systems import other_rows

WIDTH = 80


def summary(document: Document, page: Path) -> str:
    """Format a table and the verdicts per condition and location, and the report's path."""
    parts = []
    for comparison in document.comparisons:
        shown_pairs = select_pairs(document.pairs[comparison.condition], comparison)
        for location in comparison.locations:
            verdicts = [pair.words for pair in shown_pairs if pair.location == location]
            groups = comparison.at(location)
            title = textwrap.fill(comparison.condition.title, WIDTH)
            all_notes = [*model_flag_notes(groups), *unsteady_notes(groups)]
            notes = [textwrap.fill(note, WIDTH, subsequent_indent="  ") for note in all_notes]
            speeds = [pair.words for pair in comparison.speed_pairs if pair.location == location]
            parts.append("\n".join([title, f"on {location}", _table(groups), *notes, *verdicts, *speeds]))
    if document.others:
        parts.append("on other systems")
    for comparison in document.others:
        rows = [{name: row[name] for name in row if name != "what"} for row in other_rows([comparison])]
        parts.append(f"{textwrap.fill(comparison.condition.title, WIDTH)}\n{_aligned(rows)}")
    return "\n\n".join([*parts, f"report: {page}"])


def noise(floors: Floors) -> str:
    """Format the differences between repeats of the same trial as a table."""
    if not floors:
        return "no trial has been repeated yet"
    return tabulate(noise_rows(floors), headers="keys", disable_numparse=True)


def _table(groups: Sequence[Group]) -> str:
    rows = [
        {
            "model": group.name,
            "seeds": len(group.seeds),
            "test accuracy": percent_with_interval(group),
            "epoch": str(speed_cell(seconds(group.epoch_s), group)),
            "images/s": f"{group.images_per_s:,.0f}",
            "parameters": f"{group.parameters:,}",
        }
        for group in groups
    ]
    table = _aligned(rows)
    if max(map(len, table.splitlines())) > WIDTH:  # of what is asked for, their number can be looked up most easily
        table = _aligned([{name: row[name] for name in row if name != "parameters"} for row in rows])
    return table


def _aligned(rows: Sequence[Mapping[str, Any]]) -> str:
    align = ["left" if name in ("system", "model", "test accuracy") else "right" for name in rows[0]]
    return tabulate(rows, headers="keys", colalign=align, disable_numparse=True)
