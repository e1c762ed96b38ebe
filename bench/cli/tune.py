"""The command ``tune``: find each model's own recipe, and write it as a file."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.output import print_rows
from bench.cli.run import exit_if_interrupted
from bench.common.errors import UserError, cause_of, say

if TYPE_CHECKING:
    from bench.tuning.plan import TuningRequest


def require_packages() -> None:
    """Check that what tuning needs beside the suite is installed, and quieten it.

    Raises:
        UserError: a package is missing.
    """
    if missing := [name for name in ("optuna", "tomli_w") if importlib.util.find_spec(name) is None]:
        raise UserError(f"tune needs {' and '.join(missing)}: pip install 'mnist-bench[tune]'")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)


def tune_and_write(request: "TuningRequest", out: Path | None, as_json: bool) -> int:
    """Run the studies, write a recipe for each model, and print them; gives the exit code.

    Raises:
        UserError: a package is missing, see :func:`bench.tuning.plan.plan_tuning`, or a file cannot be written.
        typer.Exit: a signal interrupted it.
    """
    from bench.tuning.plan import plan_tuning
    from bench.tuning.recipe_file import write_recipe
    from bench.tuning.tune import tune

    results = request.common.results
    folder = out or results / "recipes" / request.space
    tuning = plan_tuning(request)
    with exit_if_interrupted(lambda: results / "tuning"):
        choices = tune(tuning)
    rows, failed = [], False
    for model, choice in choices.items():
        if isinstance(choice, UserError):
            failed = True
            say(f"error: {choice}")
            continue
        try:
            path = write_recipe(folder, model, choice, tuning)
        except OSError as error:
            raise UserError(f"cannot write to {folder}: {cause_of(error)}; name another folder with --out") from error
        trial = choice.chosen.trial
        rows.append(
            {
                "model": model,
                "trials": choice.trials,
                "held-out accuracy": f"{100 * choice.accuracy:.2f} %",
                "epochs": trial.epochs,
                "train_s": round(choice.chosen.train_s, 2),
                "optimizer": f"{trial.optimizer} {trial.learning_rate:g}",
                "recipe": str(path),
            }
        )
        if choice.reached is False:
            say(f"{model}: no recipe reached {100 * tuning.goals[model]:g} % on the held-out images; this came nearest")
    print_rows(rows, as_json)
    if rows and not as_json:
        models = f" --models {','.join(request.common.models)}" if request.common.models else ""
        print(f"\nto train by them: python -m bench run --recipe {folder}{models}")
    return 2 if failed else 0
