"""Which trials and probes a run consists of. A suite trains every registered model unless models are named."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.recipes.recipe import ARTICLE, Recipe


@dataclass(frozen=True)
class Suite:
    """``seeds`` is how many seeds, counted from 0; ``epochs`` replaces the recipe's own number.

    ``train_images`` is on how many training images, from the first; None: on all.

    ``probes``: which questions are put to the trained models, of how many seeds (None: of all). ``probe_images`` is
    on how many test images, ``probe_train_images`` on how many training images where the probe itself trains.
    ``controls``: models that are there to check a claim are trained too.
    """

    name: str
    recipe: Recipe
    seeds: int
    epochs: int
    probes: Mapping[str, int | None]
    train_images: int | None = None
    probe_images: int = 10_000
    probe_train_images: int = 60_000
    controls: bool = False


EVERY_SEED = None

SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "quick",
            ARTICLE,
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
            probe_train_images=3_000,
        ),
        Suite(
            "article",
            ARTICLE,
            seeds=3,
            epochs=ARTICLE.epochs,
            probes={"distortion": EVERY_SEED, "calibration": EVERY_SEED, "permutation": 1, "features": 1, "network": 1},
        ),
        Suite(
            "full",
            ARTICLE,
            seeds=10,
            epochs=ARTICLE.epochs,
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
