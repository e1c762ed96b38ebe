"""Request -> plan of a tuning: the studies with their draws, what is known of them, and the context they run in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from bench.common.errors import UserError, unknown_name
from bench.data import datasets
from bench.data.registry import DatasetFiles
from bench.records.fields import digest
from bench.records.schema import Data, Trial
from bench.records.tuning import TunedTrial, load_tuned
from bench.runner.cache_key import identify_code, run_key
from bench.runner.discovery.choice import select_models
from bench.runner.environment import describe_environment, read_git, this_machine
from bench.runner.plan import SOURCES_FOLDER, Plan, Request, check_executor, check_sources, open_resources
from bench.runner.run_context import RunContext
from bench.tuning.space import LARGEST_SEED, MOST_TRIALS, SPACES, Space
from bench.tuning.study import Draw, Study

HELD_OUT = 5_000
GOALS: Mapping[str, float] = MappingProxyType({"cnn": 0.99, "mlp": 0.98, "softmax": 0.92})
"""Accuracy that a sprint is to reach, by model."""
MODELS = ("softmax", "mlp", "mlp_matched", "cnn")
"""Models that are tuned where none are named for ``best``: the article's and their control."""


@dataclass(frozen=True)
class TuningRequest:
    """The user's choices for a tuning; ``common`` holds those it shares with a run.

    Args:
        random: trials per model that are trained to their end.
        halving: trials per model that are ended early where others did better.
        goal: accuracy that a sprint is to reach; None: the model's own.
    """

    common: Request
    space: str = "best"
    random: int = 16
    halving: int = 16
    seed: int = 0
    goal: float | None = None


@dataclass(frozen=True)
class TuningPlan:
    """The studies by model, the plan in whose context and on whose machines they run, and the sprint's goals."""

    request: TuningRequest
    space: Space
    plan: Plan
    studies: dict[str, Study]
    goals: dict[str, float] = field(default_factory=dict)


def plan_tuning(request: TuningRequest) -> TuningPlan:
    """Check the request, prepare the training images, draw the recipes, and read what is known of them.

    Raises:
        UserError: a name is unknown, a number is out of range, the folder holds a study of another space or seed, or
            see :func:`bench.runner.plan.make_plan`.
    """
    common = request.common
    check_executor(common)
    if request.space not in SPACES:
        raise unknown_name("arm", request.space, SPACES)
    space = SPACES[request.space]
    _check_numbers(request)
    dataset = datasets.find_dataset(common.dataset)
    data_dir = common.data_dir or datasets.default_data_dir()
    default = MODELS if space.name == "best" else tuple(GOALS)
    selection = select_models(common.models or default, True, data_dir / SOURCES_FOLDER)
    check_sources(common, selection.sources)
    goals = _goals(request, list(selection.sources)) if space.name == "sprint" else {}
    with open_resources(common) as (device, threads, cluster):
        datasets.prepare_training(dataset, data_dir)
        machine = this_machine(data_dir)
        context = RunContext(
            results=common.results,
            locks=data_dir / "locks",
            machine=machine,
            git=read_git(),
            data=Data(sha256={name: value for name, value in dataset.sha256.items() if name.startswith("train")}),
            environment=describe_environment(),
            code=identify_code(selection.sources, ()),
            sources=selection.sources,
            brought=selection.brought,
            timeout_s=common.timeout_s,
            node_kinds=cluster.kinds(machine) if cluster else (),
        )
        records, _ = load_tuned(context.results)
        studies = {
            model: _study(request, space, model, dataset, context, records, device, threads)
            for model in selection.sources
        }
    return TuningPlan(request, space, Plan([], context, data_dir, cluster), studies, goals)


def _check_numbers(request: TuningRequest) -> None:
    for name, value, least in (("random", request.random, 1), ("halving", request.halving, 0)):
        if not least <= value <= MOST_TRIALS:
            raise UserError(f"--{name} is {value}: it must be from {least} to {MOST_TRIALS:,}")
    if not 0 <= request.seed <= LARGEST_SEED:
        raise UserError(f"--seed is {request.seed}: it must be from 0 to {LARGEST_SEED}")
    if request.goal is not None and not 0 < request.goal < 1:
        raise UserError(f"--goal is {request.goal:g}: it must be a share of the images between 0 and 1, as 0.99")
    if request.goal is not None and request.space != "sprint":
        raise UserError("--goal goes with --arm sprint")


def _goals(request: TuningRequest, models: Sequence[str]) -> dict[str, float]:
    """Look up the accuracy that each model is to reach.

    Raises:
        UserError: one has no goal.
    """
    goals = {model: request.goal if request.goal is not None else GOALS.get(model) for model in models}
    if without := [model for model, goal in goals.items() if goal is None]:
        raise UserError(f"{', '.join(without)} has no goal of its own: name one with --goal, such as --goal 0.98")
    return {model: goal for model, goal in goals.items() if goal is not None}


def _study(
    request: TuningRequest,
    space: Space,
    model: str,
    dataset: DatasetFiles,
    context: RunContext,
    records: Sequence[TunedTrial],
    device: str,
    threads: int,
) -> Study:
    """Draw a model's recipes.

    Raises:
        UserError: the folder holds a study of the same name that was drawn otherwise.
    """
    identity = {"space": space.id, "seed": request.seed, "model": model, "held_out": HELD_OUT}
    study_id = digest(identity | {"data": context.data.sha256})
    draws = [
        Draw(
            number,
            "random" if number < request.random else "halving",
            Trial(
                suite="tune", model=model, recipe=space.name, arm=space.name, dataset=dataset.name, seed=0,
                device=device, threads=threads, train_size=dataset.train_size - HELD_OUT, held_out=HELD_OUT,
                **space.draw(request.seed, number).model_dump(),
            ),
        )
        for number in range(request.random + request.halving)
    ]  # fmt: skip
    study = Study(study_id, model, space.name, dataset.name, draws)
    if not request.common.force and any(record.study != study_id for record in _of(study, records)):
        raise UserError(
            f"{context.results} holds a study of {model} with another space, seed or data: "
            "name another folder with --results, or begin anew with --force"
        )
    return study


def known_records(study: Study, records: Sequence[TunedTrial], context: RunContext) -> list[TunedTrial]:
    """Select what is known of a study: the newest record of each draw and seed, of the same code, settings and draw.

    What failed for a reason that may be gone, as a time limit, is not known.
    """
    newest = {(record.number, record.trial.seed): record for record in _of(study, records)}
    return [record for record in newest.values() if _counts(record, study, context)]


def _of(study: Study, records: Sequence[TunedTrial]) -> list[TunedTrial]:
    """All records of the study's model in its space, oldest first."""
    wanted = study.space, study.model, study.dataset
    return [record for record in records if (record.space, record.trial.model, record.trial.dataset) == wanted]


def _counts(record: TunedTrial, study: Study, context: RunContext) -> bool:
    if record.study != study.id or record.status in ("error", "timeout") or record.number >= len(study.draws):
        return False
    draw = study.draws[record.number]
    same = record.trial.identity("seed", "threads") == draw.trial.identity("seed", "threads")
    key = run_key(record.trial, context.data, context.code, record.machine)
    return same and record.role in (draw.role, "final") and record.key == key
