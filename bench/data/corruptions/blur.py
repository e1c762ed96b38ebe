"""Blurs that displace pixels."""

import numpy as np
from scipy.ndimage import gaussian_filter

GLASS_SIGMA = 0.7
GLASS_SHIFT = 1
GLASS_PASSES = 2
MOTION_RADIUS = 10
MOTION_SIGMA = 3.0
MOTION_ANGLE = 45.0


def glass_blur(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blur, swap neighbours at random in two passes, blur again.

    The published code hands a 2-D image to a filter that takes its last axis for colours, so its Gaussian runs along
    the vertical axis alone; it cuts to whole pixels in between. Both are followed.
    """
    shuffled = np.floor(_blur_vertically(pixels) * 255) / 255
    count, height, width = pixels.shape
    every = np.arange(count)
    for _ in range(GLASS_PASSES):
        for row in range(height - GLASS_SHIFT, GLASS_SHIFT, -1):
            for column in range(width - GLASS_SHIFT, GLASS_SHIFT, -1):
                swapped = random.random(count) < 0.5
                other_row, other_column = (
                    np.where(swapped, start + random.integers(-GLASS_SHIFT, GLASS_SHIFT, count), start)
                    for start in (row, column)
                )
                here = shuffled[:, row, column].copy()
                shuffled[:, row, column] = shuffled[every, other_row, other_column]
                shuffled[every, other_row, other_column] = here
    return _blur_vertically(shuffled)


def motion_blur(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Smear along a direction within 45 degrees of the horizontal, by half a Gaussian of sigma 3 over 21 pixels.

    The kernel is ImageMagick's: one-sided, at whole pixels, the border repeated.
    """
    taps = np.arange(2 * MOTION_RADIUS + 1)
    weights = np.exp(-(taps**2) / (2 * MOTION_SIGMA**2))
    weights /= weights.sum()
    angles = np.radians(random.uniform(-MOTION_ANGLE, MOTION_ANGLE, len(pixels)))
    rows, columns = np.mgrid[: pixels.shape[1], : pixels.shape[2]]
    image = np.arange(len(pixels))[:, None, None]
    blurred = np.zeros_like(pixels)
    for tap, weight in zip(taps, weights, strict=True):
        down, right = (np.ceil(tap * part(angles) - 0.5).astype(int)[:, None, None] for part in (np.sin, np.cos))
        at_row = np.clip(rows + down, 0, pixels.shape[1] - 1)
        at_column = np.clip(columns + right, 0, pixels.shape[2] - 1)
        blurred += np.float32(weight) * pixels[image, at_row, at_column]
    return blurred


def _blur_vertically(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(gaussian_filter(pixels, sigma=(0, GLASS_SIGMA, 0), mode="nearest"))
