"""The 15 corruptions of MNIST-C (Mu and Gilmer 2019, arXiv 1906.02337) at their published severities.

Written from the published parameters. A corruption takes float32 pixels in [0, 1] of shape ``(N, 28, 28)`` and a random
generator, and gives the same shape; results are clipped and rounded to uint8, as whole pixels are what is published.
"""

import zlib
from collections.abc import Callable

import numpy as np

from bench.data.corruptions.blur import glass_blur, motion_blur
from bench.data.corruptions.geometry import rotate, scale, shear, translate
from bench.data.corruptions.lines import canny_edges, dotted_line, stripe, zigzag
from bench.data.corruptions.noise import impulse_noise, shot_noise
from bench.data.corruptions.weather import brightness, fog, spatter

Corruption = Callable[[np.ndarray, np.random.Generator], np.ndarray]

CORRUPTIONS: dict[str, Corruption] = {
    corruption.__name__: corruption
    for corruption in (
        shot_noise,
        impulse_noise,
        glass_blur,
        motion_blur,
        shear,
        scale,
        rotate,
        brightness,
        translate,
        stripe,
        fog,
        spatter,
        dotted_line,
        zigzag,
        canny_edges,
    )
}
"""By name, in the order of the paper."""


def corrupt(images: np.ndarray, name: str, seed: int) -> np.ndarray:
    """Corrupt uint8 images of shape ``(N, 28, 28)``; the same seed gives the same images.

    Raises:
        KeyError: no corruption of that name.
    """
    corruption = CORRUPTIONS[name]
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return to_uint8(corruption(images.astype(np.float32) / 255, random))


def to_uint8(pixels: np.ndarray) -> np.ndarray:
    """Convert pixels in [0, 1], clipped, to the nearest of 256 steps."""
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
