"""Corruptions by weather: light, fog and mud."""

import numpy as np
from scipy.ndimage import gaussian_filter

BRIGHTNESS = 0.5
FOG_STRENGTH = 3.0
FOG_DECAY = 1.4
FOG_SIZE = 256
SPATTER_MEAN, SPATTER_DEVIATION = 0.65, 0.3
SPATTER_THRESHOLD = 0.65
MUD_CUT = 0.8
MUD = 63 / 255


def brightness(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:  # noqa: ARG001
    """Add half the range, cut at white."""
    return np.minimum(pixels + np.float32(BRIGHTNESS), 1)


def fog(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add a corner of a large plasma fractal at strength 3, then scale back to the image's own maximum."""
    height, width = pixels.shape[1:]
    cloud = np.empty_like(pixels)
    chunk = 16  # maps that stay in the cache while they are filled
    for start in range(0, len(pixels), chunk):
        count = min(chunk, len(pixels) - start)
        cloud[start : start + count] = plasma(count, FOG_SIZE, FOG_DECAY, random)[:, :height, :width]
    brightest = pixels.max(axis=(1, 2), keepdims=True)
    return (pixels + FOG_STRENGTH * cloud) * brightest / (brightest + FOG_STRENGTH)


def plasma(count: int, size: int, decay: float, random: np.random.Generator) -> np.ndarray:
    """Draw maps of shape ``(count, size, size)`` by the diamond-square algorithm on a torus, each scaled to [0, 1].

    The noise of a step is uniform within the square of an amplitude that begins at 100 and is divided by ``decay``.
    """
    heights = np.zeros((count, size, size), dtype=np.float32)
    step, amplitude = size, 100.0
    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        edges = corners + np.roll(corners, -1, axis=1)
        heights[:, half::step, half::step] = _mean_of_four(edges + np.roll(edges, -1, axis=2), amplitude, random)
        centres = heights[:, half::step, half::step]
        beside = centres + np.roll(centres, 1, axis=1) + corners + np.roll(corners, -1, axis=2)
        above = centres + np.roll(centres, 1, axis=2) + corners + np.roll(corners, -1, axis=1)
        heights[:, ::step, half::step] = _mean_of_four(beside, amplitude, random)
        heights[:, half::step, ::step] = _mean_of_four(above, amplitude, random)
        step, amplitude = half, amplitude / decay
    heights -= heights.min(axis=(1, 2), keepdims=True)
    return heights / heights.max(axis=(1, 2), keepdims=True)


def spatter(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add patches of grey mud where blurred noise exceeds a threshold."""
    noise = random.normal(SPATTER_MEAN, SPATTER_DEVIATION, pixels.shape)
    wet = gaussian_filter(noise, sigma=(0, 1, 1), mode="nearest") > SPATTER_THRESHOLD
    mud = gaussian_filter(wet.astype(np.float32), sigma=(0, 1.5, 1.5), mode="nearest")
    mud[mud < MUD_CUT] = 0
    return np.asarray(pixels * (1 - mud) + MUD * mud)


def _mean_of_four(sums: np.ndarray, amplitude: float, random: np.random.Generator) -> np.ndarray:
    noise = random.random(sums.shape, dtype=np.float32)
    noise *= 2 * amplitude**2
    noise -= amplitude**2
    sums /= 4
    sums += noise
    return sums
