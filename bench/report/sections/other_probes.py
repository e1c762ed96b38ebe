"""Answers to questions that no other section is about, as plain numbers: those of a probe that somebody added."""

from collections.abc import Mapping, Sequence

import numpy as np

from bench.analysis.stats import t_interval
from bench.report.elements.blocks import Block, Heading, Table, anchor
from bench.report.elements.formatting import escape, three_digits
from bench.report.elements.probe_results import ProbeResult, label, seeds_in_words, table_rows
from bench.report.elements.section import Section

LISTED = 40
"""So many numbers of a question are listed on the page; the CSV has all."""


def section(slug: str, answers: Mapping[str, Sequence[ProbeResult]]) -> Section:
    """The section of one condition, a table for each question; empty where no such question was asked."""
    asked = {probe: found for probe, found in answers.items() if any(each.numbers for each in found)}
    if not asked:
        return Section()
    blocks: list[Block] = [Heading(3, "Other questions", anchor(slug, "others"))]
    for probe, found in asked.items():
        blocks += [_about(probe, found), Table(probe, _rows(found))]
    rows = [{"probe": probe, **row} for probe, found in asked.items() for row in table_rows(slug, found)]
    return Section(blocks, rows)


def _about(probe: str, found: Sequence[ProbeResult]) -> str:
    images = sorted({asked.images for asked in found}), sorted({asked.train_images for asked in found} - {0})
    test, train = (" or ".join(f"{count:,}" for count in counts) for counts in images)
    trained = f", {train} training images" if train else ""
    several = any(len(asked.seeds) > 1 for asked in found)
    count = len(_names(found))
    return (
        f"**{escape(probe)}**: {seeds_in_words(found)}, the first {test} test images{trained}."
        f"{' ± is a 95 % t interval over seeds.' if several else ''}"
        f"{f' The first {LISTED} of {count} numbers; `tables/others.csv` has all.' if count > LISTED else ''}"
    )


def _names(found: Sequence[ProbeResult]) -> list[str]:
    return list(dict.fromkeys(name for asked in found for name in asked.numbers))


def _rows(found: Sequence[ProbeResult]) -> list[dict[str, str]]:
    return [
        {
            "what": name,
            **{label(asked, found): _cell(asked.numbers[name]) if name in asked.numbers else "" for asked in found},
        }
        for name in _names(found)[:LISTED]
    ]


def _cell(values: np.ndarray) -> str:
    """``0.973 ± 0.004``; the unit is the probe's own."""
    mean, interval = float(values.mean()), t_interval(list(values))
    half = (interval.high - interval.low) / 2
    return f"{three_digits(mean)} ± {half:.2g}" if np.isfinite(half) else three_digits(mean)
