"""The commands about recipes and their options; they import what they need when they run, as those in ``app`` do."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import DataDir, Dataset, Device, Executor, Json, RayAddress, Results, Timeout
from bench.common.names import split_models


def tune(
    arm: Annotated[str, typer.Option(help="best: the most accurate; sprint: the soonest to a goal.")] = "best",
    models: Annotated[
        str, typer.Option(help="Names or files, separated by commas. Default: the article's, and for best mlp_matched.")
    ] = "",
    random: Annotated[int, typer.Option(help="Trials of each model that are trained to their end.")] = 16,
    halving: Annotated[int, typer.Option(help="Further trials, ended early where others did better.")] = 16,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    goal: Annotated[float | None, typer.Option(help="Accuracy of a sprint, as 0.99. Default: the model's own.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the recipes. Default: RESULTS/recipes/ARM.")] = None,
    dataset: Dataset = "mnist",
    device: Device = "auto",
    results: Results = Path("results"),
    data_dir: DataDir = None,
    timeout: Timeout = None,
    force: Annotated[bool, typer.Option("--force", help="Begin anew.")] = False,
    executor: Executor = "local",
    ray_address: RayAddress = None,
    as_json: Json = False,
) -> None:
    """Find each model's own recipe by random search, on training images that are held out."""
    import_torch_meanwhile()
    from bench.cli.tune import require_packages, tune_and_write
    from bench.runner.plan import Request

    require_packages()
    from bench.tuning.plan import TuningRequest

    common = Request(
        models=split_models(models),
        dataset=dataset,
        device=device,
        results=results,
        data_dir=data_dir,
        timeout_s=timeout,
        force=force,
        executor=executor,
        ray_address=ray_address,
    )
    raise typer.Exit(tune_and_write(TuningRequest(common, arm, random, halving, seed, goal), out, as_json))


def recipes(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RECIPE]...", help="Names or files to print. Default: list all."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the recipes that models can be trained by, or print some."""
    from bench.cli.recipes import print_recipes

    print_recipes(names or [], as_json)


def import_torch_meanwhile() -> None:
    """Start the process that imports models in its children, which takes seconds, as what follows here does too."""
    from bench.runner.workers.processes import start_forkserver

    start_forkserver()
