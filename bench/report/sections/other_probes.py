"""Section on probes without a section of their own, such as user-defined ones, as plain numbers."""

from collections.abc import Mapping, Sequence

import numpy as np

from bench.analysis.stats import t_interval
from bench.report.elements.blocks import Block, Heading, Table, anchor
from bench.report.elements.formatting import escape, three_digits
from bench.report.elements.probe_results import ProbeResult, label, seed_count_text, table_rows
from bench.report.elements.section import Section

MAX_NUMBERS_LISTED = 40
"""Numbers of a probe listed on the page, at most; the CSV has all."""


def section(slug: str, results_by_probe: Mapping[str, Sequence[ProbeResult]]) -> Section:
    """Build a table for each such probe; empty without results."""
    numeric_results = {
        probe: results for probe, results in results_by_probe.items() if any(result.numbers for result in results)
    }
    if not numeric_results:
        return Section()
    blocks: list[Block] = [Heading(3, "Other probes", anchor(slug, "others"))]
    for probe, results in numeric_results.items():
        blocks += [_description(probe, results), Table(probe, _rows(results))]
    rows = [{"probe": probe, **row} for probe, results in numeric_results.items() for row in table_rows(slug, results)]
    return Section(blocks, rows)


def _description(probe: str, results: Sequence[ProbeResult]) -> str:
    images = sorted({result.images for result in results}), sorted({result.train_images for result in results} - {0})
    test, train = (" or ".join(f"{count:,}" for count in counts) for counts in images)
    trained = f", {train} training images" if train else ""
    several = any(len(result.seeds) > 1 for result in results)
    count, limit = len(_names(results)), MAX_NUMBERS_LISTED
    rest = f" The first {limit} of {count} numbers; `tables/others.csv` has all." if count > limit else ""
    return (
        f"**{escape(probe)}**: {seed_count_text(results)}, the first {test} test images{trained}."
        f"{' ± is a 95 % t interval over seeds.' if several else ''}{rest}"
    )


def _names(results: Sequence[ProbeResult]) -> list[str]:
    return list(dict.fromkeys(name for result in results for name in result.numbers))


def _rows(results: Sequence[ProbeResult]) -> list[dict[str, str]]:
    return [
        {
            "what": name,
            **{
                label(result, results): _cell(result.numbers[name]) if name in result.numbers else ""
                for result in results
            },
        }
        for name in _names(results)[:MAX_NUMBERS_LISTED]
    ]


def _cell(values: np.ndarray) -> str:
    """Format mean and 95 % t interval: ``0.973 ± 0.004``; the unit is the probe's own."""
    mean, interval = float(values.mean()), t_interval(list(values))
    half = (interval.high - interval.low) / 2
    return f"{three_digits(mean)} ± {half:.2g}" if np.isfinite(half) else three_digits(mean)
