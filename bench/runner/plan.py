"""Request -> plan: the user's choices, checked, as a list of trials and the context they run in."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bench.common.errors import UserError, say, unknown_name
from bench.common.names import MOST_SEEDS
from bench.data import datasets
from bench.probes.registry import PROBES
from bench.recipes.files import RecipeSet, find_recipes
from bench.recipes.recipe import PRECISIONS, Recipe
from bench.records.schema import Data, Trial
from bench.runner.cache_key import identify_code
from bench.runner.discovery.choice import select_models
from bench.runner.environment import describe_environment, read_git, this_machine
from bench.runner.nodes import ParallelMap, check_address
from bench.runner.run_context import RunContext
from bench.runner.suites import DEFAULT_SUITE, EVERY_SEED, SUITES, Suite
from bench.runner.workers.executor import LocalExecutor
from bench.runner.workers.processes import end_forkserver
from bench.training.devices import available_threads, resolve_device
from bench.training.precision import check_precision

if TYPE_CHECKING:
    from bench.runner.ray_cluster.connect import Cluster
    from bench.runner.ray_cluster.executor import RayExecutor
    from models import ModelSource

EXECUTORS = ("local", "ray")
MOST_ROUNDS = 1_000
LARGEST_SEED = 2**31 - 1
SOURCES_FOLDER = "sources"
"""In the data folder: the sources of models that were written in a notebook."""


@dataclass(frozen=True)
class Request:
    """The user's choices for a run; None leaves a choice to the suite.

    ``models`` are names, files, or classes and functions; see :func:`bench.runner.discovery.choice.select_models`.
    """

    suite: str = DEFAULT_SUITE
    recipe: str | None = None
    models: Sequence[Any] = ()
    seeds: int | Sequence[int] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    dataset: str = "mnist"
    device: str = "auto"
    precision: str | None = None
    results: Path = Path("results")
    data_dir: Path | None = None
    timeout_s: float | None = None
    force: bool = False
    probes: Sequence[str] | None = None
    timing_rounds: int | None = None
    executor: str = "local"
    ray_address: str | None = None


@dataclass(frozen=True)
class Plan:
    """The trials, their context, and the folder the workers read the data from.

    ``cluster`` is where the trials run, if not on this machine; it is open, and :func:`open_executor` closes it.
    """

    trials: list[Trial]
    context: RunContext
    data_dir: Path
    cluster: "Cluster | None" = None


def make_plan(request: Request) -> Plan:
    """Check the request, prepare the data, and lay out the trials.

    Raises:
        UserError: a name is unknown, a number is out of range, the device is not there, a folder is not writable, or
            the cluster cannot be used.
    """
    check_executor(request)
    if request.suite not in SUITES:
        raise unknown_name("suite", request.suite, SUITES)
    suite = SUITES[request.suite]
    dataset = datasets.find_dataset(request.dataset)
    train_size = min(suite.train_images or dataset.train_size, dataset.train_size)
    recipes = find_recipes(request.recipe or suite.recipe)
    seeds = _seeds(suite.seeds if request.seeds is None else request.seeds)
    if request.timeout_s is not None and not 0 < request.timeout_s < math.inf:
        raise UserError(f"--timeout is {request.timeout_s:g}: it must be more than 0 seconds and finite")
    rounds = suite.timing_rounds if request.timing_rounds is None else request.timing_rounds
    if not 0 <= rounds <= MOST_ROUNDS:
        raise UserError(f"--timing-rounds is {rounds}: it must be from 0, for none, to {MOST_ROUNDS}")
    probes = _probes(request.probes, suite)
    data_dir = request.data_dir or datasets.default_data_dir()
    selection = select_models(request.models or recipes.models, suite.controls, data_dir / SOURCES_FOLDER)
    by_model = {model: _recipe(request, recipes, model, train_size) for model in selection.sources}
    check_sources(request, selection.sources)
    with open_resources(request) as (device, threads, cluster):
        for recipe in by_model.values():
            check_precision(recipe.precision, torch.device(device))
        datasets.prepare(dataset, data_dir)
        machine = this_machine(data_dir)
        common = {"suite": suite.name, "dataset": dataset.name, "train_size": train_size}
        common |= {"recipe": recipes.name, "arm": recipes.arm, "device": device, "threads": threads}
        trials = [  # interleaved by seed (A B C, A B C), so that drift of the machine affects every model alike
            Trial.model_validate(common | {"model": model, "seed": seed} | recipe.model_dump())
            for seed in seeds
            for model, recipe in by_model.items()
        ]
        context = RunContext(
            results=request.results,
            locks=data_dir / "locks",
            machine=machine,
            git=read_git(),
            data=Data(sha256=dataset.sha256),
            environment=describe_environment(),
            code=identify_code(selection.sources, probes),
            sources=selection.sources,
            brought=selection.brought,
            timeout_s=request.timeout_s,
            force=request.force,
            probes=probes,
            probe_images=suite.probe_images,
            probe_train_images=suite.probe_train_images,
            timing_rounds=rounds,
            node_kinds=cluster.kinds(machine) if cluster else (),
        )
    for line in selection.left_out:
        say(line)
    return Plan(trials, context, data_dir, cluster)


@contextlib.contextmanager
def open_resources(request: Request) -> Iterator[tuple[str, int, "Cluster | None"]]:
    """Choose each trial's device and threads and open the cluster, if any; it is closed where the plan fails."""
    if request.executor == "local":
        yield resolve_device(request.device), available_threads(), None
        return
    from bench.runner.ray_cluster.connect import open_cluster

    cluster = open_cluster(request.ray_address, request.device, request.dataset, request.data_dir)
    try:
        yield cluster.device, cluster.threads, cluster
    except BaseException:
        cluster.close()
        raise


def check_sources(request: Request, sources: "Mapping[str, ModelSource]") -> None:
    """Check that the models can be trained where the request is to be carried out.

    Raises:
        UserError: one cannot: the nodes of a cluster have the folder ``models`` alone.
    """
    elsewhere = [name for name, source in sources.items() if not source.label.startswith("models/")]
    if request.executor != "local" and elsewhere:
        raise UserError(f"--executor ray trains models of the folder models alone: put {', '.join(elsewhere)} there")


def check_executor(request: Request) -> None:
    """Check where a request is to be carried out.

    Raises:
        UserError: there is no such executor, or its address does not go with it.
    """
    if request.executor not in EXECUTORS:
        raise unknown_name("executor", request.executor, EXECUTORS)
    if request.ray_address is not None and request.executor != "ray":
        raise UserError("--ray-address goes with --executor ray")
    if request.ray_address is not None:
        check_address(request.ray_address)


@contextlib.contextmanager
def open_executor(
    plan: Plan, fresh_workers: bool, say: Callable[[str], None]
) -> Iterator[tuple["LocalExecutor | RayExecutor", ParallelMap]]:
    """Open the executor of the plan; gives the map too that hands it trials, one at a time here, parallel elsewhere."""
    if plan.cluster is None:
        if fresh_workers:
            end_forkserver()  # an idle process beside the measurement
        local = LocalExecutor(plan.data_dir, fresh_workers, plan.context.sources)
        with contextlib.closing(local):
            yield local, map
        return
    from bench.runner.ray_cluster.executor import RayExecutor

    with contextlib.closing(RayExecutor(plan.cluster, plan.context.machine, say)) as ray:
        try:
            yield ray, ray.map
        except BaseException as reason:
            ray.stop(reason)
            raise


def _recipe(request: Request, recipes: RecipeSet, model: str, train_size: int) -> Recipe:
    """Make a model's recipe with the request's own choices in it.

    Raises:
        UserError: a choice is unknown or out of range, or does not go with an arm.
    """
    if recipes.arm and (request.epochs, request.batch_size) != (None, None):
        raise UserError(
            f"--epochs and --batch-size do not go with {recipes.name}, where each model has its own: "
            "right would be a recipe file of your own"
        )
    if request.precision is not None and request.precision not in PRECISIONS:
        raise unknown_name("precision", request.precision, PRECISIONS)
    batch_size = recipes.file(model).batch_size if request.batch_size is None else request.batch_size
    if not 1 <= batch_size <= train_size:
        whose = "--batch-size" if request.batch_size is not None else f"batch_size in recipe {recipes.name}"
        raise UserError(f"{whose} is {batch_size}: it must be from 1 to {train_size}, the training images")
    recipe = recipes.file(model).recipe(train_size, batch_size)
    suite_epochs = None if request.recipe else SUITES[request.suite].epochs
    epochs = suite_epochs if request.epochs is None else request.epochs
    return recipe.changed(
        epochs=recipe.epochs if epochs is None or recipes.arm else _at_least_one("epochs", epochs),
        precision=request.precision or recipe.precision,
    )


def _probes(names: Sequence[str] | None, suite: Suite) -> Mapping[str, int | None]:
    """Look up the named probes: how many seeds each is run on, None for all; where none is named, the suite's."""
    if names is None:
        return suite.probes
    for name in names:
        if name not in PROBES:
            raise unknown_name("probe", name, PROBES)
    return {name: suite.probes.get(name, EVERY_SEED) for name in names}


def _seeds(chosen: int | Sequence[int]) -> Sequence[int]:
    """Give the seeds, of which there may be so many from 0 on, or those named."""
    if isinstance(chosen, int):
        if chosen > MOST_SEEDS:
            raise UserError(f"--seeds is {chosen}: it must be at most {MOST_SEEDS}")
        return range(_at_least_one("seeds", chosen))
    chosen = list(dict.fromkeys(chosen))
    if not 1 <= len(chosen) <= MOST_SEEDS:
        raise UserError(f"--seeds must name from 1 to {MOST_SEEDS} seeds")
    if min(chosen) < 0 or max(chosen) > LARGEST_SEED:
        raise UserError(f"--seeds has {min(chosen)} to {max(chosen)}: a seed must be from 0 to {LARGEST_SEED}")
    return chosen


def _at_least_one(name: str, value: int) -> int:
    if value < 1:
        raise UserError(f"--{name} is {value}: it must be at least 1")
    return value
