"""The record of one training run: its schema, its validation, its life on disk.

A record is one JSON file, written once and atomically, never edited. Fractions lie in [0, 1], times are seconds,
sizes are bytes, times of day are UTC; the unit stands in the name. Values that were not finite are null, and the
status says why.

Schema history:
    1  first version
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.atomic import write_atomically

Status = Literal["done", "diverged", "error", "timeout", "interrupted"]
Seconds = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
PositiveInt = Annotated[int, Field(ge=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=80)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=200)]


Environment = dict[str, str | int | float | bool | None]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelInfo(_Part):
    """The model as it was trained; ``train_flops_per_image`` counts 2 per multiply-add, forward and backward."""

    name: Name
    parameters: Count
    train_flops_per_image: Count
    source_sha256: Sha256


class Trial(_Part):
    """What to do. Everything a worker needs, and nothing about the machine it runs on."""

    suite: Name
    model: Name
    recipe: Name
    dataset: Name
    seed: Count
    epochs: PositiveInt
    batch_size: PositiveInt
    optimizer: Name
    learning_rate: Annotated[float, Field(gt=0)]
    precision: Name
    device: Name
    threads: PositiveInt
    train_size: PositiveInt
    pixel_order: Annotated[str, Field(pattern=r"^(identity|permuted-\d+|blocks-\d+)$")] = "identity"


class Epoch(_Part):
    """One epoch; ``train_s`` is training alone, evaluation stands beside it."""

    epoch: PositiveInt
    train_s: Seconds
    eval_s: Seconds
    train_loss: Annotated[float, Field(ge=0)] | None
    test_loss: Annotated[float, Field(ge=0)] | None
    test_accuracy: Fraction


class Result(_Part):
    """After the last epoch; ``train_images_per_s`` is over all epochs' training time."""

    test_accuracy: Fraction
    test_loss: Annotated[float, Field(ge=0)]
    test_size: PositiveInt
    train_images_per_s: Annotated[float, Field(gt=0)]


class Clock(_Part):
    """Where the time of the trial went. ``startup_s`` (process start, imports) is 0 in a worker already warm."""

    startup_s: Seconds
    setup_s: Seconds
    warmup_s: Seconds
    train_s: Seconds
    eval_s: Seconds
    total_s: Seconds


class Memory(_Part):
    """Highest use so far of the worker process and, on a GPU, of its allocator."""

    process_peak_bytes: Count
    device_peak_bytes: Count | None = None


class Machine(_Part):
    """``id`` is random, made once per machine; neither part names the host or its user."""

    slug: Name
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]

    @property
    def name(self) -> str:
        return f"{self.slug}-{self.id[:4]}"


class Git(_Part):
    """The commit of the code that ran; ``dirty`` means uncommitted changes outside results/."""

    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None
    dirty: bool | None


class Data(_Part):
    """SHA-256 of each file of the data set."""

    sha256: dict[Name, Sha256]


class Artifacts(_Part):
    """File names beside the record. ``predictions`` is committed; ``weights`` may be gone in a clone."""

    predictions: FileName
    weights: FileName


class Run(_Part):
    """What happened in one trial."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    trial_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    status: Status
    error: Annotated[str, Field(max_length=500)] | None = None
    started_at: AwareDatetime
    finished_at: AwareDatetime
    model: ModelInfo | None = None
    trial: Trial
    epochs: list[Epoch]
    result: Result | None = None
    clock: Clock | None = None
    memory: Memory | None = None
    environment: Environment
    machine: Machine
    git: Git
    data: Data
    artifacts: Artifacts | None = None

    @model_validator(mode="after")
    def _status_matches_content(self) -> Self:
        if self.status == "done":
            missing = [part for part in ("model", "result", "clock", "artifacts") if getattr(self, part) is None]
            if missing:
                raise ValueError(f"a done run needs {', '.join(missing)}")
            if len(self.epochs) != self.trial.epochs:
                raise ValueError(f"a done run of {self.trial.epochs} epochs lists {len(self.epochs)}")
        elif self.error is None:
            raise ValueError(f"a run that is {self.status} needs its error")
        return self

    @property
    def stem(self) -> str:
        """The record's file name without its ending."""
        return run_stem(self.trial, self.key, self.started_at)


@dataclass(frozen=True)
class Predictions:
    """What the trained model answered on the test set, and example digits for the pictures.

    ``labels``, ``predicted``: uint8 of shape ``(N,)``. ``example_index`` int64 ``(k,)`` into them,
    ``example_images`` uint8 ``(k, 28, 28)``, ``example_confidence`` float32 ``(k,)``: the probability the model
    gave its answer.
    """

    labels: np.ndarray
    predicted: np.ndarray
    example_index: np.ndarray
    example_images: np.ndarray
    example_confidence: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """bool of shape ``(N,)``."""
        return np.asarray(self.labels == self.predicted)


@dataclass(frozen=True)
class Problem:
    """A file among the records that is not one; it is skipped and left as it is."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path.name}: {self.reason}"


def trial_id(trial: Trial, data: Data) -> str:
    """What the run is *about*: the trial without its suite and threads, and the data's hashes. 16 hex digits."""
    about = trial.model_dump(exclude={"suite", "threads"})
    return digest({"trial": about, "data": data.sha256})


def digest(value: Any) -> str:
    """16 hex digits of the SHA-256 of ``value`` as canonical JSON."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def runs_dir(results: Path, machine: Machine) -> Path:
    """The folder of one machine's records."""
    return results / "runs" / machine.name


def run_stem(trial: Trial, key: str, started_at: datetime) -> str:
    """File name of a run without its ending: readable first, then what makes it unique."""
    moment = started_at.strftime("%Y%m%dT%H%M%S%f")[:-3]
    return f"{trial.model}-{trial.recipe}-seed{trial.seed}-{key[:8]}-{moment}"


def artifact_names(stem: str) -> Artifacts:
    """The files that belong to the record of that stem."""
    return Artifacts(predictions=f"{stem}.npz", weights=f"{stem}.safetensors")


def save_run(results: Path, run: Run, predictions: Predictions | None = None, weights: bytes = b"") -> Path:
    """Write artifacts first and the record last, so that a record never names a file that is not there.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = runs_dir(results, run.machine)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run.stem}.json"
    content: dict[Path, bytes | str] = {}
    if run.artifacts and predictions:
        content[folder / run.artifacts.predictions] = _npz(predictions)
        content[folder / run.artifacts.weights] = weights
    content[path] = run.model_dump_json(by_alias=True, indent=1) + "\n"
    try:
        for file, data in content.items():
            write_atomically(file, data)
    except OSError:
        for file in content:
            file.unlink(missing_ok=True)
        raise
    return path


def load_runs(results: Path) -> tuple[list[Run], list[Problem]]:
    """Every record below ``results/runs``, oldest first, and every JSON file there that is not a record."""
    runs, problems = [], []
    for path in sorted((results / "runs").rglob("*.json")):
        try:
            runs.append(Run.model_validate_json(path.read_bytes()))
        except ValidationError as error:
            problems.append(Problem(path, _first_error(error)))
        except (OSError, RecursionError) as error:
            problems.append(Problem(path, f"unreadable ({error})"))
    return sorted(runs, key=lambda run: run.started_at), problems


def latest_done(runs: Iterable[Run]) -> list[Run]:
    """Of the finished runs, the newest for each trial on each machine."""
    newest: dict[tuple[str, str], Run] = {}
    for run in sorted(runs, key=lambda run: run.started_at):
        if run.status == "done":
            newest[run.machine.id, run.trial_id] = run
    return list(newest.values())


def load_predictions(results: Path, run: Run) -> Predictions | None:
    """The run's predictions, or None where the file is gone or is not what it should be."""
    if run.artifacts is None:
        return None
    path = runs_dir(results, run.machine) / run.artifacts.predictions
    try:
        with np.load(path, allow_pickle=False) as arrays:
            loaded = Predictions(**{name: arrays[name] for name in Predictions.__dataclass_fields__})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    expected = (run.result.test_size,) if run.result else None
    return loaded if loaded.labels.shape == loaded.predicted.shape == expected else None


def _npz(predictions: Predictions) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **vars(predictions))
    return buffer.getvalue()


def _first_error(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"not a run record ({place + ': ' if place else ''}{first['msg']})"
