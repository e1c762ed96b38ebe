"""Section on calibration: confidence against accuracy."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bench.report.elements.blocks import Block, Heading, Picture, Table, anchor
from bench.report.elements.formatting import mean_with_half_width
from bench.report.elements.probe_results import ProbeResult, curve_style, hint, label, table_rows
from bench.report.elements.section import Section
from bench.report.elements.style import INK, to_svg


def section(slug: str, results: Sequence[ProbeResult], colours: Mapping[str, str]) -> Section:
    """Build the section on calibration; empty where no run was probed."""
    if not results:
        return Section()
    rows = [
        {
            "model": label(result, results),
            "expected calibration error, points": mean_with_half_width(100 * result.numbers["ece"], 2),
        }
        for result in results
    ]
    blocks: list[Block] = [
        Heading(3, "Calibration", anchor(slug, "calibration")),
        Picture(
            f"{slug}-reliability.svg",
            _draw(results, colours),
            "Share of right answers against the confidence of the answer",
            "Below the dotted line a model is surer than it is right. Answers are sorted by the probability the model "
            "gave them into 15 bins of equal width; those with ten answers or more are drawn.",
        ),
        Table("calibration", rows, [hint(result) for result in results]),
        "The error is the mean gap between confidence and accuracy of a bin, over all test images (Guo et al. 2017); ± "
        "is a 95 % t interval over seeds.",
    ]
    return Section(blocks, table_rows(slug, results))


def pool_bins(result: ProbeResult) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pool the bins of all seeds: count, mean confidence and accuracy of each bin with answers, shapes ``(B,)``."""
    totals: dict[int, np.ndarray] = {}
    for record in result.records:
        for name, count in record.numbers.items():
            if name.startswith("count_"):
                number = int(name.removeprefix("count_"))
                sums = count * np.array(
                    [1.0, record.numbers[f"confidence_{number}"], record.numbers[f"accuracy_{number}"]]
                )
                totals[number] = totals.get(number, np.zeros(3)) + sums
    counts, confidences, accuracies = np.array([totals[number] for number in sorted(totals)]).T
    return counts, confidences / counts, accuracies / counts


def _draw(results: Sequence[ProbeResult], colours: Mapping[str, str]) -> bytes:
    figure = Figure(figsize=(5.6, 4.2))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], linestyle=":", linewidth=1, color=INK)
    for result in results:
        counts, confidences, accuracies = pool_bins(result)
        enough = counts >= 10
        axes.plot(
            confidences[enough],
            accuracies[enough],
            marker="o",
            markersize=3.5,
            label=label(result, results),
            **curve_style(result, results, colours),
        )
    axes.set_xlim(0.2, 1.01)
    axes.set_ylim(0, 1.02)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("probability the model gave its answer")
    axes.set_ylabel("of these answers right")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return to_svg(figure)
