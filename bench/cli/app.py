"""The commands and their options; what each does is in a file of its own.

Each imports that file when it runs, so that ``report`` and ``--help`` never wait for torch.
"""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import (
    DataDir,
    Dataset,
    Device,
    Executor,
    Json,
    Models,
    RayAddress,
    RecipeName,
    Results,
    Timeout,
    TimingRounds,
)
from bench.cli.recipe_commands import import_torch_meanwhile, recipes, tune
from bench.common.names import parse_seeds, split_models, split_names

app = typer.Typer(
    name="mnist-bench",
    help="Which of these models, at what cost, and how sure are you?",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command()
def run(
    suite: Annotated[str, typer.Option(help="quick, article or full.")] = "article",
    recipe: RecipeName = None,
    models: Models = "",
    seeds: Annotated[
        str, typer.Option(help="How many seeds, as 5, or which, as 5-9 or 3,7. Default: the suite's.")
    ] = "",
    epochs: Annotated[int | None, typer.Option(help="Default: the recipe's, or the suite's.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Default: the recipe's.")] = None,
    dataset: Dataset = "mnist",
    device: Device = "auto",
    precision: Annotated[str | None, typer.Option(help="fp32, tf32 or bf16. Default: the recipe's.")] = None,
    probes: Annotated[str, typer.Option(help="Probes to run, by name, or none. Default: the suite's.")] = "",
    timing_rounds: TimingRounds = None,
    results: Results = Path("results"),
    data_dir: DataDir = None,
    timeout: Timeout = None,
    force: Annotated[bool, typer.Option("--force", help="Train again what is already done.")] = False,
    executor: Executor = "local",
    ray_address: RayAddress = None,
    as_json: Json = False,
) -> None:
    """Train the models of a suite, write a record of each run, and render the report."""
    import_torch_meanwhile()
    from bench.cli.run import run_and_report
    from bench.runner.plan import Request

    request = Request(
        suite=suite,
        recipe=recipe,
        models=split_models(models),
        seeds=parse_seeds(seeds) if seeds else None,
        epochs=epochs,
        batch_size=batch_size,
        dataset=dataset,
        device=device,
        precision=precision,
        probes=[] if probes == "none" else split_names(probes) or None,
        timing_rounds=timing_rounds,
        results=results,
        data_dir=data_dir,
        timeout_s=timeout,
        force=force,
        executor=executor,
        ray_address=ray_address,
    )
    raise typer.Exit(run_and_report(request, as_json))


@app.command()
def report(
    results: Results = Path("results"),
    system: Annotated[
        str | None, typer.Option(help="What it is about, as tables call it. Default: the one with the most runs.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Render the report again from the records alone."""
    from bench.cli.report import render_again

    raise typer.Exit(render_again(results, system, as_json))


@app.command("models")
def list_registered(as_json: Json = False) -> None:
    """List the registered models with their size."""
    import_torch_meanwhile()
    from bench.cli.models import print_models

    print_models(as_json)


@app.command()
def speed(
    models: Models = "",
    device: Device = "auto",
    precision: Annotated[str, typer.Option(help="fp32, tf32 or bf16.")] = "fp32",
    results: Results = Path("results"),
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Time training and inference by batch size, beside the article's own loop and beside what the machine can do."""
    import_torch_meanwhile()
    from bench.cli.speed import time_models

    raise typer.Exit(time_models(split_models(models), device, precision, results, data_dir, as_json))


@app.command()
def peers(
    models: Annotated[str, typer.Option(help="softmax, mlp, cnn. Default: all three.")] = "",
    results: Results = Path("results"),
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Time the same training in JAX, Keras, scikit-learn and Lightning, as far as they are installed, beside ours."""
    from bench.cli.peers import time_peers

    raise typer.Exit(time_peers(split_names(models), results, data_dir, as_json))


@app.command()
def noise(
    models: Models = "",
    repeats: Annotated[int, typer.Option(help="How often each trial is run.")] = 5,
    epochs: Annotated[int, typer.Option(help="Epochs of each trial; the first is not timed.")] = 4,
    dataset: Dataset = "mnist",
    device: Device = "auto",
    precision: Annotated[str | None, typer.Option(help="fp32, tf32 or bf16. Default: the recipe's.")] = None,
    results: Results = Path("results"),
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Run the same trials several times over: how much does nothing change? The answer bounds the gates of compare."""
    import_torch_meanwhile()
    from bench.cli.noise import measure_noise
    from bench.runner.plan import Request

    request = Request(
        models=split_models(models),
        epochs=epochs,
        dataset=dataset,
        device=device,
        precision=precision,
        results=results,
        data_dir=data_dir,
    )
    raise typer.Exit(measure_noise(request, repeats, as_json))


@app.command()
def compare(
    base: Annotated[str, typer.Argument(help="Folder of records, or REV:FOLDER to read one out of git.")],
    new: Annotated[str, typer.Argument(help="The same, of what is to be judged.")],
    fail: Annotated[list[str] | None, typer.Option(help="Gate, as test_accuracy:0.3pp or cnn.epoch_s:15%.")] = None,
    only_changed: Annotated[bool, typer.Option("--only-changed", help="Leave out what did not change.")] = False,
    sort: Annotated[str, typer.Option(help="name, or change: the worst first.")] = "name",
    across_machines: Annotated[
        bool, typer.Option("--across-machines", help="Compare times between machines of the same kind, too.")
    ] = False,
    allow_idle: Annotated[
        bool, typer.Option("--allow-idle", help="Exit code 0, not 2, where no gate had anything to judge.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a comment for a pull request and nothing else.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Hold two sets of records against each other. Exit code 1 where a gate given with --fail is broken."""
    from bench.cli.compare import compare_sides

    code = compare_sides(
        base,
        new,
        fail or [],
        only_changed=only_changed,
        sort=sort,
        across_machines=across_machines,
        allow_idle=allow_idle,
        markdown=markdown,
        as_json=as_json,
    )
    raise typer.Exit(code)


@app.command()
def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR", help="Results folders, of other machines say.")],
    results: Annotated[Path, typer.Option("--results", help="Folder that all is copied into; may be one of them.")] = (
        Path("results")
    ),
    keep: Annotated[str, typer.Option(help="last, or all: of runs of the same trial, code and machine.")] = "last",
    as_json: Json = False,
) -> None:
    """Copy the records of several results folders into one and render its report, with tables per machine.

    Of runs with the same key (the same trial by the same code on the same machine) --keep last copies the newest that
    is done, --keep all every one. Nothing that is in the folder already is changed or removed. Two files of one name
    with different content are a conflict: the first stays, the other is named, and the exit code is 2, as it is where
    a file is no record. The rest is merged all the same.
    """
    from bench.cli.merge import merge_folders

    raise typer.Exit(merge_folders(folders, results, keep, as_json))


@app.command()
def track(
    only: Annotated[str | None, typer.Option("--only", "-k", help="Names to choose, as pytest's -k.")] = None,
    against: Annotated[str | None, typer.Option(help="A commit to measure in turn with the working tree.")] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Make the newest saved run the baseline.")] = False,
    results: Results = Path("results"),
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Run the benchmarks of the code itself. Exit code 1 where one is slower than the accepted baseline.

    The baseline is the machine's first run, or the one --accept named, with later runs of its commit; with --against
    it is that commit, and no history is needed.
    """
    from bench.cli.track import Request, track_benchmarks

    raise typer.Exit(track_benchmarks(Request(only, against, accept, results, data_dir, as_json)))


app.command()(tune)
app.command()(recipes)


@app.command()
def doctor(
    data_dir: DataDir = None,
    results: Results = Path("results"),
    as_json: Json = False,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Check everything that needs a GPU instead; writes two files to results/gpu.")
    ] = False,
) -> None:
    """Check data, devices and records, and say what this machine is called."""
    if gpu:
        from bench.gpu_check.__main__ import main

        raise typer.Exit(main(["--out", str(results / "gpu")]))
    from bench.cli.doctor import print_diagnosis

    raise typer.Exit(print_diagnosis(data_dir, results, as_json))
