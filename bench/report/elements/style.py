"""Style of every plot: one colour per model, readable on light and dark pages, the same bytes for the same data."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

# Okabe and Ito's colours for all kinds of colour vision, those that stand out on white and on near-black.
PALETTE = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
INK = "#808080"
LINE_STYLES = ("-", "--", ":", "-.")

_STYLE = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "font.size": 10,
    "grid.color": INK,
    "grid.alpha": 0.25,
    "image.composite_image": False,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "mnist-bench",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

in_style = matplotlib.style.context(["default", _STYLE])
"""Decorator of functions that draw: the settings hold for the call, and the caller's own plots keep theirs."""


def model_colours(sizes: Iterable[tuple[str, int]]) -> dict[str, str]:
    """Assign each model a colour, in order of parameter count, so that it keeps its colour in every plot."""
    ordered = sorted(dict(sizes).items(), key=lambda item: (item[1], item[0]))
    return {name: PALETTE[position % len(PALETTE)] for position, (name, _) in enumerate(ordered)}


def location_styles(locations: Sequence[str]) -> dict[str, str]:
    """Assign each location a line style."""
    return {location: LINE_STYLES[position % len(LINE_STYLES)] for position, location in enumerate(locations)}


def to_svg(figure: Figure) -> bytes:
    """Render the figure as SVG without date or other things that change from run to run."""
    buffer = io.BytesIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": None}
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata=metadata)
    return buffer.getvalue()
