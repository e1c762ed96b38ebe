"""The command ``recipes``: every recipe that a model can be trained by, or some of them in full."""

from collections.abc import Sequence
from typing import Any

from bench.cli.output import print_rows
from bench.recipes.files import RecipeSet, find_recipes, list_recipes

MNIST_IMAGES = 60_000


def print_recipes(names: Sequence[str], as_json: bool) -> None:
    """List all recipes, a row for each model's; those that are named are printed as their files.

    Raises:
        UserError: one of ``names`` is none, or its file cannot be used.
    """
    sets = [find_recipes(name) for name in names or list_recipes()]
    if not names or as_json:
        print_rows([row for recipes in sets for row in _rows(recipes, full=bool(names))], as_json)
        return
    paths = [path for recipes in sets for path in recipes.paths.values()]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    if len(paths) > 1:
        texts = [f"# {path.name}\n{text}" for path, text in zip(paths, texts, strict=True)]
    print("\n".join(texts), end="")


def _rows(recipes: RecipeSet, full: bool) -> list[dict[str, Any]]:
    rows = []
    for model, file in recipes.files.items():
        recipe = file.recipe(MNIST_IMAGES)
        settings = (
            recipe.model_dump(mode="json")
            if full
            else {
                "epochs": recipe.epochs,
                "batch_size": recipe.batch_size,
                "optimizer": recipe.optimizer,
                "learning_rate": recipe.learning_rate,
                "precision": recipe.precision,
                "details": recipe.details,
            }
        )
        rows.append({"recipe": recipes.name, "model": model or "any", **settings})
    return rows
