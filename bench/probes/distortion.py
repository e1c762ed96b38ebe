"""Probe of robustness: test accuracy on corrupted, shifted, rotated, scaled and noisy images.

The randomness of every distortion is drawn from one fixed seed, so that all models see the same images.
"""

from collections.abc import Iterator

import numpy as np

from bench.data.corruptions.cache import corrupted
from bench.data.corruptions.geometry import rotated, scaled, shifted
from bench.data.corruptions.mnist_c import CORRUPTIONS, to_uint8
from bench.data.corruptions.noise import gaussian_noise
from bench.probes.trained_model import TrainedModel
from bench.records.probes import ProbeOutput

SEED = 0
TRANSLATIONS = tuple(range(9))
ROTATIONS = tuple(range(0, 70, 10))
SCALES = tuple(round(0.5 + 0.1 * step, 1) for step in range(9))
NOISES = tuple(round(0.1 * step, 1) for step in range(7))


def measure(trained: TrainedModel) -> ProbeOutput:
    """Measure test accuracy: ``clean``, one per corruption by its name, and one per point of each curve.

    As arrays the first test image shifted to the right by 0 to 8 pixels, ``shifted`` uint8 ``(9, 28, 28)``, with the
    predicted labels ``answers`` and their probabilities ``confidences``, both of shape ``(9,)``.

    Curves: ``translation_K`` pixels along one axis to a random side, ``rotation_K`` degrees to a random side,
    ``scale_K`` times the size, ``noise_K`` standard deviation of normal noise on pixels in [0, 1].
    """
    images = trained.test.images
    accuracies = {"clean": trained.accuracy(images)}
    for name in CORRUPTIONS:
        accuracies[name] = trained.accuracy(corrupted(images, name, SEED, trained.data_dir))
    for name, pixels in _curve_points(images.astype(np.float32) / 255):
        distorted = to_uint8(pixels)
        unchanged = np.array_equal(distorted, images)  # a curve begins with the clean images
        accuracies[name] = accuracies["clean"] if unchanged else trained.accuracy(distorted)
    return ProbeOutput(accuracies, arrays=_one_digit_shifted(trained))


def _one_digit_shifted(trained: TrainedModel) -> dict[str, np.ndarray]:
    steps = np.array(TRANSLATIONS, dtype=float)
    digit = np.repeat(trained.test.images[:1], len(steps), axis=0).astype(np.float32) / 255
    images = to_uint8(shifted(digit, -steps, np.zeros_like(steps)))
    confidences, predicted = trained.probabilities(images).max(dim=1)
    return {"shifted": images, "answers": predicted.cpu().numpy(), "confidences": confidences.cpu().numpy()}


def _curve_points(pixels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    random = np.random.default_rng(SEED)
    sign = random.choice([-1.0, 1.0], len(pixels))
    along_x = random.random(len(pixels)) < 0.5
    for distance in TRANSLATIONS:
        yield f"translation_{distance}", shifted(pixels, distance * sign * along_x, distance * sign * ~along_x)
    for angle in ROTATIONS:
        yield f"rotation_{angle}", rotated(pixels, np.radians(angle) * sign)
    for factor in SCALES:
        yield f"scale_{factor}", scaled(pixels, factor)
    for sigma in NOISES:
        # the same noise at every strength
        yield f"noise_{sigma}", gaussian_noise(pixels, np.random.default_rng(SEED), sigma)
