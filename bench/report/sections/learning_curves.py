"""Section on learning curves: test error by epoch and by training time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from bench.analysis.groups import ConditionResults
from bench.records.schema import Run
from bench.report.elements.blocks import Heading, Picture, anchor
from bench.report.elements.formatting import truncation_note
from bench.report.elements.probe_results import group_label
from bench.report.elements.section import Section
from bench.report.elements.style import location_styles, to_svg

MAX_GROUPS_DRAWN = 12
"""Number of groups drawn, at most; more curves could not be told apart."""
MAX_RUNS_WITH_LINES = 150
"""Greatest number of runs that are drawn with a line each."""


def section(slug: str, comparison: ConditionResults, colours: Mapping[str, str]) -> Section:
    """Build both plots of one condition."""
    return Section(
        [
            Heading(3, "Learning curves", anchor(slug, "curves")),
            Picture(
                f"{slug}-learning-curves.svg",
                draw_learning_curves(comparison, colours),
                "Test error by epoch",
                "Where a curve is flat, more epochs would not help. A thin line is one seed, the thick one their mean."
                + truncation_note(MAX_GROUPS_DRAWN, len(comparison.groups)),
            ),
            Heading(3, "Accuracy against training time", anchor(slug, "time")),
            against_time_picture(slug, comparison, colours),
        ]
    )


def against_time_file(slug: str) -> str:
    """Name the file of the plot against time, which the project's README shows too."""
    return f"{slug}-accuracy-against-time.svg"


def against_time_picture(slug: str, comparison: ConditionResults, colours: Mapping[str, str]) -> Picture:
    """Build the plot of test error against training time."""
    return Picture(
        against_time_file(slug),
        draw_accuracy_against_time(comparison, colours),
        "Test error against seconds of training",
        "At any time given, the lowest curve is the model to train."
        + truncation_note(MAX_GROUPS_DRAWN, len(comparison.groups)),
    )


def draw_learning_curves(comparison: ConditionResults, colours: Mapping[str, str]) -> bytes:
    """Draw test error after each epoch, as SVG: a thin line per seed, a thick one for their mean."""
    figure, axes = _error_axes()
    _draw(axes, comparison, colours, lambda runs: np.array([_passes(run) for run in runs]))
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return to_svg(figure)


def _passes(run: Run) -> list[float]:
    """Passes over the training images after each epoch, of which the last may be a part."""
    return [min(epoch.epoch, run.trial.epochs) for epoch in run.epochs]


def draw_accuracy_against_time(comparison: ConditionResults, colours: Mapping[str, str]) -> bytes:
    """Draw test error against seconds of training, as SVG; both axes logarithmic."""
    figure, axes = _error_axes()
    _draw(axes, comparison, colours, lambda runs: np.array([_cumulative_seconds(run) for run in runs]))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("seconds of training (log scale; evaluation not counted)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return to_svg(figure)


def _error_axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.8, 3.8))
    axes = figure.add_subplot()
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("test error (log scale, lower is better)")
    return figure, axes


def _draw(
    axes: Axes,
    comparison: ConditionResults,
    colours: Mapping[str, str],
    positions: Callable[[Sequence[Run]], np.ndarray],
) -> None:
    styles = location_styles(comparison.locations)
    for group in comparison.groups[:MAX_GROUPS_DRAWN]:
        x = positions(group.runs)
        errors = np.array([[1 - epoch.test_accuracy for epoch in run.epochs] for run in group.runs])
        style: dict[str, Any] = {"color": colours[group.model], "linestyle": styles[group.location]}
        if len(comparison.runs) <= MAX_RUNS_WITH_LINES:
            axes.plot(x.T, errors.T, linewidth=0.7, alpha=0.45, **style)
        label = group_label(group, comparison.groups)
        axes.plot(x.mean(axis=0), errors.mean(axis=0), marker="o", markersize=3.5, label=label, **style)


def _cumulative_seconds(run: Run) -> np.ndarray:
    return np.cumsum([epoch.train_s for epoch in run.epochs])
