"""Write the recipe that was chosen for a model as a file, with where it comes from."""

from pathlib import Path
from typing import Any

import tomli_w

from bench.common.atomic import write_atomically
from bench.records.recipe import Recipe
from bench.tuning.choice import Choice
from bench.tuning.plan import HELD_OUT, TuningPlan


def write_recipe(folder: Path, model: str, choice: Choice, tuning: TuningPlan) -> Path:
    """Write ``MODEL.toml`` into ``folder``, which is made where there is none.

    Raises:
        OSError: it cannot be written.
    """
    trial = choice.chosen.trial
    recipe = trial.model_dump(mode="json", include=set(Recipe.model_fields))
    provenance = {
        "dataset": trial.dataset,
        "space": f"{tuning.space.name} {tuning.space.id}",
        "trials": choice.trials,
        "seed": tuning.request.seed,
        "number": choice.chosen.number,
        "held_out_images": HELD_OUT,
        "held_out_accuracy": round(choice.accuracy, 5),
        "held_out_seeds": choice.seeds,
        "commit": _commit(choice),
    }
    if (goal := tuning.goals.get(model)) is not None:
        provenance |= {"goal": goal, "goal_reached_on_held_out_images": bool(choice.reached)}
    path = folder / f"{model}.toml"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, f"# {_heading(model, tuning)}\n{tomli_w.dumps(_said(recipe) | {'provenance': provenance})}")
    return path


def _commit(choice: Choice) -> str:
    git = choice.chosen.git
    return f"{git.commit or 'unknown'}{' with uncommitted changes' if git.dirty else ''}"


def _heading(model: str, tuning: TuningPlan) -> str:
    what = "soonest to its goal" if tuning.goals else "at its best"
    return (
        f"{model}, {what}: found by 'python -m bench tune --arm {tuning.space.name}', on images held out of training."
    )


def _said(recipe: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a recipe need not say: nothing, and tables without content."""
    return {name: value for name, value in recipe.items() if value is not None and value != {}}
