"""The commands. Each imports what it needs when it runs, so that ``report`` and ``--help`` never wait for torch."""

import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from bench.errors import UserError

if TYPE_CHECKING:
    from bench.plan import Plan
    from bench.records import Run
    from bench.runner import Summary

app = typer.Typer(
    name="mnist-bench",
    help="Which of these models, at what cost, and how sure are you?",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

# typer.BadParameter derives from the usage error of whichever click typer brings along.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]

Results = Annotated[Path, typer.Option("--results", help="Folder of records and reports.")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Cache of the data. [env: MNIST_BENCH_DATA]")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]


@app.command()
def run(
    suite: Annotated[str, typer.Option(help="quick, article or full.")] = "article",
    models: Annotated[str, typer.Option(help="Names, separated by commas. Default: every registered model.")] = "",
    seeds: Annotated[int | None, typer.Option(help="How many seeds. Default: the suite's.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Default: the suite's.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Default: the recipe's.")] = None,
    dataset: Annotated[str, typer.Option(help="mnist.")] = "mnist",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[str | None, typer.Option(help="fp32, tf32 or bf16. Default: the recipe's.")] = None,
    results: Results = Path("results"),
    data_dir: DataDir = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds after which a trial is given up.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Train again what is already done.")] = False,
    as_json: Json = False,
) -> None:
    """Train the models of a suite, write a record of each run, and render the report."""
    from bench.plan import Request, make_plan

    plan = make_plan(
        Request(
            suite=suite,
            models=split_names(models),
            seeds=seeds,
            epochs=epochs,
            batch_size=batch_size,
            dataset=dataset,
            device=device,
            precision=precision,
            results=results,
            data_dir=data_dir,
            timeout_s=timeout,
            force=force,
        )
    )
    raise typer.Exit(_carry_out(plan, as_json))


@app.command()
def report(results: Results = Path("results"), as_json: Json = False) -> None:
    """Render the report again from the records alone."""
    from bench.report import render

    if not results.is_dir():
        raise UserError(f"no results folder {results}: run 'python -m bench run' first, or name one with --results")
    rendered = render(results)
    if as_json:
        print(json.dumps({"report": str(rendered.page), "problems": [str(problem) for problem in rendered.problems]}))
    else:
        print(rendered.terminal_text())
    raise typer.Exit(_report_problems(rendered.problems))


@app.command("models")
def list_registered(as_json: Json = False) -> None:
    """List the registered models with their size."""
    from bench.trials import describe_model
    from models import create_model, list_models

    rows = []
    for name in list_models():
        try:
            info = describe_model(name, create_model(name))
        except Exception as error:
            raise UserError(f"model {name!r} cannot be built: {type(error).__name__}: {error}") from error
        rows.append(info.model_dump(include={"name", "parameters", "train_flops_per_image"}))
    _print_rows(rows, as_json)


@app.command()
def speed(
    models: Annotated[str, typer.Option(help="Names, separated by commas. Default: every registered model.")] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    results: Results = Path("results"),
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Time our training against the article's own loop, in turn within one run."""
    from dataclasses import asdict

    from bench import datasets
    from bench.devices import available_threads, resolve_device
    from bench.plan import check_models
    from bench.runner import check_writable
    from bench.speed import measure_speed_up, save_speed_ups

    names, resolved = check_models(split_names(models)), resolve_device(device)
    folder = data_dir or datasets.default_data_dir()
    check_writable(results)
    datasets.prepare(datasets.find_dataset("mnist"), folder)
    rows = []
    for name in names:
        print(f"{name}: the article's loop and ours in turn", file=sys.stderr)
        rows.append(measure_speed_up(name, resolved, available_threads(), folder))
    save_speed_ups(results, rows)
    _print_rows([asdict(row) for row in rows], as_json)


@app.command()
def doctor(data_dir: DataDir = None, results: Results = Path("results"), as_json: Json = False) -> None:
    """Check data, devices and records, and say what this machine is called."""
    from bench.doctor import examine

    findings = examine(data_dir, results)
    _print_rows([{"check": name, "finding": finding} for name, finding in findings.facts.items()], as_json)
    raise typer.Exit(_report_problems(findings.problems))


def split_names(text: str) -> list[str]:
    """Names separated by commas, blanks or both."""
    return text.replace(",", " ").split()


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command; every error the user can mend ends as one line on standard error and exit code 2."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(args=given or ["--help"], standalone_mode=False)
    except UserError as error:
        code = _fail(str(error))
    except _USAGE_ERROR as error:
        code = _fail(error.format_message())  # type: ignore[attr-defined]
    except ImportError as error:  # a model's file, or a dependency that is missing
        code = _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _carry_out(plan: "Plan", as_json: bool) -> int:
    from bench.executors import LocalExecutor
    from bench.progress import failure_line, make_progress
    from bench.report import render
    from bench.runner import Interrupted, run_trials

    results = plan.setting.results
    executor, progress = LocalExecutor(plan.data_dir), make_progress()
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        summary = run_trials(plan.trials, plan.setting, executor, progress, on_round=lambda: render(results))
    except Interrupted as interruption:
        progress.close()
        executor.close()
        page = render(results).page
        print(f"stopped by {interruption.signal_name}; what is done is in {page}", file=sys.stderr)
        return interruption.exit_code
    finally:
        progress.close()
        executor.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    rendered = render(results)
    if as_json:
        print(json.dumps(_summary_json(summary, rendered.page)))
    else:
        print(rendered.terminal_text())
    for failed in summary.failed:
        print(f"error: {failure_line(failed)}{_where_the_traceback_is(results, failed)}", file=sys.stderr)
    return max(_report_problems(rendered.problems), 2 if summary.failed else 0)


def _where_the_traceback_is(results: Path, failed: "Run") -> str:
    from bench.storage import runs_dir

    log = runs_dir(results, failed.machine) / f"{failed.stem}.log"
    return f" (traceback in {log})" if log.exists() else ""


def _interrupt(number: int, _frame: FrameType | None) -> None:
    from bench.runner import Interrupted

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)  # a second signal ends the program at once
    raise Interrupted(signal.Signals(number).name, 128 + number)


def _summary_json(summary: "Summary", page: Path) -> dict[str, Any]:
    def rows(runs: Any) -> list[dict[str, Any]]:
        return [
            {
                "model": run.trial.model,
                "seed": run.trial.seed,
                "status": run.status,
                "error": run.error,
                "test_accuracy": run.result.test_accuracy if run.result else None,
                "record": run.stem,
            }
            for run in runs
        ]

    return {
        "done": rows(summary.done),
        "failed": rows(summary.failed),
        "already_done": rows(summary.skipped),
        "report": str(page),
    }


def _report_problems(problems: Any) -> int:
    for problem in problems:
        print(f"error: skipped {problem}", file=sys.stderr)
    return 2 if problems else 0


def _print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    from tabulate import tabulate

    print(json.dumps(rows) if as_json else tabulate(rows, headers="keys", intfmt=","))


def _fail(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2
