"""Independent noise on each pixel."""

import numpy as np

PHOTONS = 3
IMPULSE_SHARE = 0.17


def shot_noise(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Replace each pixel by a Poisson count of mean 3 times its brightness, divided by 3."""
    return (random.poisson(pixels * PHOTONS) / PHOTONS).astype(np.float32)


def impulse_noise(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Set 17 % of the pixels to black or white, with equal probability."""
    hit = random.random(pixels.shape, dtype=np.float32) < IMPULSE_SHARE
    salt = random.integers(0, 2, pixels.shape, dtype=np.uint8)
    return np.where(hit, salt, pixels).astype(np.float32)


def gaussian_noise(pixels: np.ndarray, random: np.random.Generator, sigma: float) -> np.ndarray:
    """Add normal noise of standard deviation ``sigma``; for the curve, not one of the 15."""
    return pixels + sigma * random.standard_normal(pixels.shape, dtype=np.float32)
