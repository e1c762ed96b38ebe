"""Section on sample efficiency: accuracy by number of training images, and the number a given accuracy needs."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.report.elements.blocks import Block, Heading, Picture, Table, anchor
from bench.report.elements.formatting import mean_with_half_width
from bench.report.elements.probe_results import ProbeResult, curve_style, hint, label, seed_count_text, table_rows
from bench.report.elements.section import Section
from bench.report.elements.style import to_svg


def section(slug: str, results: Sequence[ProbeResult], colours: Mapping[str, str]) -> Section:
    """Build the section on sample efficiency; empty where no run was probed."""
    if not results:
        return Section()
    hints = [hint(result) for result in results]
    blocks: list[Block] = [
        Heading(3, "Fewer training images", anchor(slug, "samples")),
        Picture(
            f"{slug}-sample-efficiency.svg",
            _draw(results, colours),
            "Test error against the number of training images",
            "The further down and to the left, the more a model makes of few images; a thin line is one seed, the "
            "thick one their mean.",
        ),
        Table("samples", [_accuracy_row(result, results) for result in results], hints),
        Table("images-needed", [_images_needed_row(result, results) for result in results], hints),
        "Trained on that many images with every class in its share, the smaller sets part of the larger, for as many "
        f"steps each as the recipe takes on {results[0].train_images:,}. "
        f"{seed_count_text(results).capitalize()}, mean and 95 % t interval in percent on the first "
        f"{results[0].images:,} test images. Images needed are interpolated between the sizes measured, on the "
        "logarithm of their number; *times as many* is against the model that needs fewest.",
    ]
    return Section(blocks, table_rows(slug, results))


def images_needed(sizes: np.ndarray, accuracies: np.ndarray, goal: float) -> float:
    """Interpolate on log n where the accuracy first reaches ``goal``; NaN if never, the first n if at once.

    ``sizes`` ascending and ``accuracies`` at them, both of shape ``(P,)``.
    """
    reaching = np.flatnonzero(accuracies >= goal)
    if not len(reaching):
        return math.nan
    after = int(reaching[0])
    if after == 0:
        return float(sizes[0])
    low, high = accuracies[after - 1], accuracies[after]
    logs = np.log(sizes)
    return float(np.exp(logs[after - 1] + (goal - low) / (high - low) * (logs[after] - logs[after - 1])))


def curve(result: ProbeResult) -> tuple[np.ndarray, np.ndarray]:
    """Return the sizes ``(P,)``, ascending, and the accuracies ``(P, S)`` over seeds."""
    sizes = sorted(int(name.removeprefix("n_")) for name in result.numbers)
    return np.array(sizes), np.array([result.numbers[f"n_{size}"] for size in sizes])


def _images_needed(result: ProbeResult, goal: float) -> float:
    sizes, accuracies = curve(result)
    return images_needed(sizes, accuracies.mean(axis=1), goal)


def _accuracy_row(result: ProbeResult, results: Sequence[ProbeResult]) -> dict[str, str]:
    sizes, accuracies = curve(result)
    cells = {f"{size:,}": mean_with_half_width(100 * row) for size, row in zip(sizes, accuracies, strict=True)}
    return {"model": label(result, results)} | cells


def _images_needed_row(result: ProbeResult, results: Sequence[ProbeResult]) -> dict[str, str]:
    row = {"model": label(result, results)}
    for goal in result.goals.from_few:
        needed = _images_needed(result, goal)
        counts = [_images_needed(other, goal) for other in results]
        fewest = min((count for count in counts if not math.isnan(count)), default=math.nan)
        largest = curve(result)[0][-1]
        row[f"images for {100 * goal:g} %"] = f"more than {largest:,}" if math.isnan(needed) else f"{needed:,.0f}"
        row[f"times as many ({100 * goal:g} %)"] = "" if math.isnan(needed / fewest) else f"{needed / fewest:.1f}"
    return row


def _draw(results: Sequence[ProbeResult], colours: Mapping[str, str]) -> bytes:
    figure = Figure(figsize=(6.8, 3.8))
    axes = figure.add_subplot()
    for result in results:
        sizes, accuracies = curve(result)
        axes.plot(sizes, 1 - accuracies, linewidth=0.7, alpha=0.45, **curve_style(result, results, colours))
        axes.plot(
            sizes,
            1 - accuracies.mean(axis=1),
            marker="o",
            markersize=3.5,
            label=label(result, results),
            **curve_style(result, results, colours),
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.set_xlabel("training images (log scale)")
    axes.set_ylabel("test error (log scale)")
    axes.legend()
    return to_svg(figure)
