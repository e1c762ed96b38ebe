"""Which trials a run consists of. A suite trains every registered model unless models are named."""

from dataclasses import dataclass

from bench.recipes import ARTICLE, Recipe


@dataclass(frozen=True)
class Suite:
    """``seeds`` is how many seeds, counted from 0; ``epochs`` replaces the recipe's own number."""

    name: str
    recipe: Recipe
    seeds: int
    epochs: int
    probes: tuple[str, ...] = ("distortion",)
    probe_images: int = 10_000


SUITES = {
    suite.name: suite
    for suite in (
        Suite("quick", ARTICLE, seeds=1, epochs=2, probe_images=500),
        Suite("article", ARTICLE, seeds=3, epochs=ARTICLE.epochs),
        Suite("full", ARTICLE, seeds=10, epochs=ARTICLE.epochs),
    )
}
DEFAULT_SUITE = "article"
