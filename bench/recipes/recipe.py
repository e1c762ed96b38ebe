"""The article's recipe, which the harness's other measurements use too."""

import tomllib
from pathlib import Path

from bench.records.recipe import PRECISIONS, Recipe

__all__ = ["ARTICLE", "FOLDER", "PRECISIONS", "Recipe"]

FOLDER = Path(__file__).parent
"""Where the recipes lie that come with the project."""

ARTICLE = Recipe.model_validate(tomllib.loads((FOLDER / "article.toml").read_text(encoding="utf-8")))
"""Adam 1e-3, batch 128, 10 epochs, pixels to [-1, 1], cross-entropy."""
