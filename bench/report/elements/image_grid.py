"""A grid of small images and texts.

All are on one pair of axes: with axes of its own for each picture, Matplotlib took two thirds of the time of a
whole report to set up ticks that nobody sees.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bench.report.elements.style import INK, to_svg

CELL = 0.8  # inches
GAP = 0.07  # cells, on each side of a picture
ENLARGE = 3  # images are drawn as 84 x 84 pixels, so that no viewer smooths the 28 x 28


class ImageGrid:
    """A figure in units of cells, x to the right from 0 to ``columns`` and y down from 0 to ``rows``."""

    def __init__(self, columns: float, rows: float) -> None:
        self._figure = Figure(figsize=(CELL * columns, CELL * rows))
        self._axes = self._figure.add_axes((0, 0, 1, 1))
        self._axes.set_xlim(0, columns)
        self._axes.set_ylim(rows, 0)
        self._axes.set_axis_off()

    def draw_pixels(self, x: float, y: float, pixels: np.ndarray, **options: Any) -> None:
        """Draw ``pixels`` in the cell whose upper left corner is ``(x, y)``; ``options`` are those of ``imshow``."""
        extent = (x + GAP, x + 1 - GAP, y + 1 - GAP, y + GAP)
        self._axes.imshow(pixels, extent=extent, aspect="auto", interpolation="none", **options)

    def draw_image(self, x: float, y: float, image: np.ndarray) -> None:
        """Draw an image of the dataset, uint8 ``(28, 28)``, dark on light."""
        pixels = np.kron(255 - image, np.ones((ENLARGE, ENLARGE), dtype=np.uint8))
        self.draw_pixels(x, y, pixels, cmap="gray", vmin=0, vmax=255)

    def draw_text(self, x: float, y: float, text: str, **options: Any) -> None:
        """Draw ``text`` at ``(x, y)``, which may lie outside the cells; ``options`` are those of ``Axes.text``."""
        defaults: dict[str, Any] = {"color": INK, "fontsize": 7.5}
        self._axes.text(x, y, text, **(defaults | options))

    def to_svg(self) -> bytes:
        """Render the grid as SVG, in which each image stays an image of its own."""
        return to_svg(self._figure)
