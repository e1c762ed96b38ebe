"""Corruptions by lines: lines drawn over the digit, stripes through it, and its edges alone."""

import math
from itertools import pairwise

import numpy as np
from skimage.feature import canny

REACH = 2.3
STRIPES = (slice(0, 7), slice(21, None))
ROWS = 27
"""Rows on which a line may begin, from the top."""
ZIGZAG_COLUMNS = (2, 25)
ZIGZAG_STEP = 4
ZIGZAG_HEIGHT = 2
ZIGZAG_RISE = range(-5, 5)
_SIZE = 28


def stripe(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:  # noqa: ARG001
    """Invert the outer columns: those left of column 7 and from column 21 on."""
    striped = pixels.copy()
    for columns in STRIPES:
        striped[:, :, columns] = 1 - striped[:, :, columns]
    return striped


def dotted_line(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add a line from the left to the right border between two random rows, two columns off and two on."""
    first, last = random.integers(0, ROWS, (2, len(pixels)))
    lines = np.stack([[_dots(line(0, start, _SIZE - 1, end)) for end in range(ROWS)] for start in range(ROWS)])
    return pixels + lines[first, last]


def zigzag(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add a zigzag of height 2 with a corner every 4 pixels, from column 2 to 25, rising or falling by up to 5 rows."""
    first = random.integers(0, ROWS, len(pixels))
    rise = random.integers(0, len(ZIGZAG_RISE), len(pixels))
    lines = np.stack([[_zigzag(start, by) for by in ZIGZAG_RISE] for start in range(ROWS)])
    return pixels + lines[first, rise]


def canny_edges(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:  # noqa: ARG001
    """Draw white edges on black, by Canny's detector with scikit-image's defaults."""
    return np.stack([canny(image) for image in pixels]).astype(np.float32)  # type: ignore[no-untyped-call]


def line(first_column: float, first_row: float, last_column: float, last_row: float) -> np.ndarray:
    """Draw a line of brightness ``1 + ln(1 - d / 2.3)``, at least 0, by vertical distance d; omit the last column."""
    columns, rows = np.arange(_SIZE), np.arange(_SIZE)[:, None]
    height = first_row + (last_row - first_row) / (last_column - first_column) * (columns - first_column)
    distance = np.minimum(np.abs(rows - height), REACH - 1e-10)
    brightness = np.clip(1 + np.log(1 - distance / REACH), 0, 1)
    inside = (columns >= math.floor(first_column)) & (columns < math.ceil(last_column))
    return (brightness * inside).astype(np.float32)


def _dots(drawn: np.ndarray) -> np.ndarray:
    return drawn * (np.arange(_SIZE) // 2 % 2 == 1)


def _zigzag(first_row: int, rise: int) -> np.ndarray:
    """Draw strokes between corners laid out along a level line, which is then turned and moved into position."""
    start, end = ZIGZAG_COLUMNS
    angle = math.atan2(rise, end - start)
    corners = _corners(math.hypot(end - start, rise))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    placed = corners @ turn.T + (start, first_row)
    strokes = [line(*one, *other) for one, other in pairwise(placed)]
    return np.sum(strokes, axis=0)


def _corners(length: float) -> np.ndarray:
    """Coordinates (along, across) of each corner; the last one, at the line's end, as the published code puts it."""
    half = ZIGZAG_STEP / 2
    count = int((length - half) // ZIGZAG_STEP) + 1
    across = [ZIGZAG_HEIGHT * (-1) ** number for number in range(count)]
    inner = [(half + ZIGZAG_STEP * number, height) for number, height in enumerate(across)]
    left_over = length - ZIGZAG_STEP * (length // ZIGZAG_STEP)
    last = [(length, across[-1] / (2 * left_over))] if left_over else []
    return np.array([(0.0, 0.0), *inner, *last])
