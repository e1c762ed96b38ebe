"""Pictures of digits: the article's figure of right and wrong ones, and how they are drawn everywhere."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.style import INK, to_svg
from bench.storage import Predictions

COLUMNS = 12
ENLARGE = 3  # drawn as 84 x 84 pixels, so that no viewer smooths the 28 x 28


def right_and_wrong(predictions: Predictions) -> bytes:
    """SVG: one row of digits the model got right, one of digits it got wrong, each with label, answer, confidence."""
    index = predictions.example_index
    is_right = predictions.correct[index]
    rows = [np.flatnonzero(is_right)[:COLUMNS], np.flatnonzero(~is_right)[:COLUMNS]]
    figure = Figure(figsize=(9.6, 2.6))
    for row, (chosen, title) in enumerate(zip(rows, ("right", "wrong"), strict=True)):
        for column in range(COLUMNS):
            axes = figure.add_subplot(2, COLUMNS, row * COLUMNS + column + 1)
            axes.set_axis_off()  # also where there are fewer digits than columns
            if column < len(chosen):
                _draw_digit(axes, predictions, chosen[column])
        figure.text(0.1, 0.72 - 0.42 * row, title, ha="right", color=INK)
    return to_svg(figure)


def _draw_digit(axes: Axes, predictions: Predictions, example: int) -> None:
    place = predictions.example_index[example]
    label, answer = predictions.labels[place], predictions.predicted[place]
    show_digit(axes, predictions.example_images[example])
    answer_text = f"{label}" if label == answer else f"{label} → {answer}"
    axes.set_title(f"{answer_text}\n{100 * predictions.example_confidence[example]:.0f} %", fontsize=7.5, pad=2)


def show_digit(axes: Axes, image: np.ndarray) -> None:
    """Dark on light, uint8 ``(28, 28)``, without frame or ticks."""
    pixels = np.kron(255 - image, np.ones((ENLARGE, ENLARGE), dtype=np.uint8))
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="none")
    axes.set_axis_off()
