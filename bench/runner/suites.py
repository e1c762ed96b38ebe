"""Suites: the trials and probes that a run consists of. All registered models are trained unless some are named."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Suite:
    """A named set of trials and probes.

    Args:
        recipe: by name; see :func:`bench.recipes.files.find_recipes`.
        seeds: how many seeds, counted from 0.
        epochs: replaces the recipe's own number; None: it stays.
        probes: the probes run on the trained models by name, and on how many seeds; None: on all.
        train_images: how many training images, from the first; None: all.
        probe_images: how many test images the probes use.
        probe_train_images: how many training images a probe uses that itself trains.
        controls: train the models too that are there to check a claim.
        timing_rounds: in how many rounds the models are timed in turn.
    """

    name: str
    recipe: str
    seeds: int
    probes: Mapping[str, int | None]
    epochs: int | None = None
    train_images: int | None = None
    probe_images: int = 10_000
    probe_train_images: int = 60_000
    controls: bool = False
    timing_rounds: int = 32


EVERY_SEED = None

SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "quick",
            "article",
            seeds=1,
            epochs=2,
            probes={
                "distortion": EVERY_SEED,
                "calibration": EVERY_SEED,
                "permutation": 1,
                "features": 1,
                "blocks": 1,
                "sample_efficiency": 1,
                "network": 1,
            },
            train_images=20_000,
            probe_images=500,
            probe_train_images=1_000,
            timing_rounds=15,
        ),
        Suite(
            "article",
            "article",
            seeds=3,
            probes={"distortion": EVERY_SEED, "calibration": EVERY_SEED, "permutation": 1, "features": 1, "network": 1},
        ),
        Suite(
            "full",
            "article",
            seeds=10,
            probes={
                "distortion": EVERY_SEED,
                "calibration": EVERY_SEED,
                "permutation": 3,
                "features": 3,
                "sample_efficiency": 3,
                "blocks": 1,
                "network": 1,
            },
            controls=True,
        ),
    )
}
DEFAULT_SUITE = "article"
