"""Section on tuning: what the search for each model's own recipe cost, and how good it gets after so many trials."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from bench.analysis.tuning import TuningCurve, TuningStudy, tuning_curve
from bench.report.elements.blocks import Block, Heading, Picture, Table
from bench.report.elements.section import Section
from bench.report.elements.style import INK, to_svg

LEAST = 3
"""Random trials of a model without which no curve is drawn."""
NOTE = (
    "Accuracies are on training images held out, and no test image had a part in them. A curve is the median accuracy "
    "of the best of so many random trials; its band holds all of the true curve with 95 % confidence (Lourie, Cho and "
    "He 2024). Trials that were ended early, and those trained again from other seeds, are not in it."
)

Curves = Sequence[tuple[TuningStudy, TuningCurve]]


def make_curves(studies: Sequence[TuningStudy]) -> Curves:
    """Compute the tuning curves of studies with enough random trials.

    Raises:
        ImportError: opda is not installed.
    """
    return [(study, tuning_curve(study.random)) for study in studies if len(study.random) >= LEAST]


def section(curves: Curves, colours: Mapping[str, str]) -> Section:
    """Build the section; empty where nothing was tuned."""
    if not curves:
        return Section()
    blocks: list[Block] = [Heading(2, "Tuning", "tuning")]
    for space in dict.fromkeys(study.space for study, _ in curves):
        of_space = [(study, curve) for study, curve in curves if study.space == space]
        blocks += [
            " ".join(_sentence(study, curve) for study, curve in of_space),
            Picture(
                f"tuning-{space}.svg",
                _draw(of_space, colours),
                f"Accuracy on held-out images after so many random trials of the space {space}",
                f"The best of so many random trials of the space *{space}*: the median, with a band that holds all of "
                "the true curve with 95 % confidence. A dot is a trial, in the order drawn.",
            ),
            Table(f"tuning-{space}", [_row(study, curve) for study, curve in of_space]),
        ]
    return Section([*blocks, NOTE])


def table(curves: Curves) -> pd.DataFrame:
    """Build one row per study and number of trials, in plain numbers."""
    return pd.DataFrame(
        [
            {
                "space": study.space,
                "model": study.model,
                "system": study.location,
                "trials": number,
                "accuracy_median": curve.median[number - 1],
                "accuracy_low": curve.low[number - 1],
                "accuracy_high": curve.high[number - 1],
                "drawn": study.random[number - 1],
            }
            for study, curve in curves
            for number in range(1, len(curve.median) + 1)
        ]
    )


def _sentence(study: TuningStudy, curve: TuningCurve) -> str:
    return (
        f"After {len(curve.median)} random trials {study.model} gets {100 * curve.median[-1]:.2f} % "
        f"[{100 * curve.low[-1]:.2f}, {100 * curve.high[-1]:.2f}] of the held-out images right, "
        f"after one {100 * curve.median[0]:.2f} %."
    )


def _row(study: TuningStudy, curve: TuningCurve) -> dict[str, Any]:
    numbers = [number for number in (1, 4, 16, 64) if number <= len(curve.median)]
    return {
        "model": study.model,
        "system": study.location,
        "random trials": str(study.count("random")),
        "ended early where behind": str(study.count("halving")),
        "from other seeds": str(study.count("final")),
        "minutes": f"{study.seconds / 60:.1f}",
        **{f"after {number}, %": _cell(curve, number) for number in numbers},
    }


def _cell(curve: TuningCurve, number: int) -> str:
    low, middle, high = (100 * part[number - 1] for part in (curve.low, curve.median, curve.high))
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def _draw(curves: Curves, colours: Mapping[str, str]) -> bytes:
    figure = Figure(figsize=(3.4 * len(curves), 3.0), layout="constrained")
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for axes, (study, curve) in zip(panels, curves, strict=True):
        numbers = range(1, len(curve.median) + 1)
        colour = colours.get(study.model, INK)
        axes.fill_between(numbers, 100 * curve.low, 100 * curve.high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(numbers, 100 * curve.median, color=colour)
        axes.plot(numbers, [100 * accuracy for accuracy in study.random], "o", markersize=3, color=colour, alpha=0.6)
        least = sorted(study.random)[len(study.random) // 4]
        axes.set_ylim(100 * least - 0.5, min(100.1, 100 * max(study.random) + 0.5))
        axes.set_title(study.model, fontsize=10)
        axes.set_xlabel("random trials")
    panels[0].set_ylabel("held-out accuracy, %")
    return to_svg(figure)
