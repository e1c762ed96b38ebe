"""Records and their predictions on disk: atomic save, validated load. Reading needs no torch and runs nothing."""

import io
import time
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from bench.common.atomic import write_atomically
from bench.common.errors import UserError, one_line
from bench.common.untrusted import UntrustedFileError, make_folder, parse_json, read_arrays, read_inside
from bench.records.machine_names import disambiguate
from bench.records.schema import DatedRecord, Machine, Measurement, Run

R = TypeVar("R", bound=DatedRecord)

IMAGE_SHAPE = (28, 28)
NOISE_FOLDER = "noise"
"""Below the results folder: the records of trials that were repeated to see how much nothing changes."""


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
        return one_line(f"{self.path.name}: {self.reason}")


def check_writable(results: Path) -> None:
    """Make the folder and a file in it, which is removed again.

    Raises:
        UserError: that cannot be done.
    """
    probe = results / f".writable-{time.monotonic_ns()}"
    try:
        results.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write to results folder {results}: {error.strerror}; name another with --results"
        ) from error


def runs_dir(results: Path, machine: Machine) -> Path:
    """The folder of one machine's records."""
    return results / "runs" / machine.name


def run_path(results: Path, run: Run) -> Path:
    """Where the run's record lies."""
    return runs_dir(results, run.machine) / f"{run.stem}.json"


def save_run(results: Path, run: Run, predictions: Predictions | None = None, weights: bytes = b"") -> Path:
    """Write artifacts first and the record last, so that a record never names a file that is not there.

    Raises:
        OSError: the folder cannot be written.
    """
    path = run_path(results, run)
    folder = path.parent
    make_folder(results, folder)
    content: dict[Path, bytes | str] = {}
    if run.artifacts and predictions:
        content[folder / run.artifacts.predictions] = npz(vars(predictions))
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


def save_measurement(folder: Path, name: str, record: Measurement) -> Path:
    """Write the record below ``folder``, in the place of its machine.

    Raises:
        OSError: the folder cannot be written.
    """
    path = folder / record.machine.name / f"{name}-{record.moment}.json"
    make_folder(folder.parent, path.parent)
    write_atomically(path, record.model_dump_json(by_alias=True, indent=1) + "\n")
    return path


def load_runs(results: Path) -> tuple[list[Run], list[Problem]]:
    """Every record below ``results/runs``, oldest first, and every JSON file there that is not a record."""
    return load_records(results / "runs", Run, "run")


def load_records(folder: Path, kind: type[R], name: str) -> tuple[list[R], list[Problem]]:
    """Every record of that kind below ``folder``, oldest first, and every JSON file there that is not one.

    Args:
        name: what the kind is called where a file is said not to be one.
    """
    records, problems = [], []
    for path in sorted(folder.rglob("*.json")):
        record, problem = load_record(folder, path, kind, name)
        if record:
            records.append(record)
        if problem:
            problems.append(problem)
    return sorted(disambiguate(records), key=lambda record: record.started_at), problems


def load_record(folder: Path, path: Path, kind: type[R], name: str) -> tuple[R | None, Problem | None]:
    """The record in a file below ``folder``, or what is wrong with it."""
    try:
        return parse_record(read_inside(folder, path), kind, name), None
    except UntrustedFileError as error:
        return None, Problem(path, str(error))
    except OSError as error:
        return None, Problem(path, f"unreadable ({error.strerror or error})")


def parse_record(content: bytes, kind: type[R], name: str) -> R:
    """Raises:
    Foreign: it is no record of that kind.
    """
    try:
        record = kind.model_validate_json(content)
        parse_json(content)  # pydantic takes the last of two values for one name
    except ValidationError as error:
        raise UntrustedFileError(_first_error(error, name)) from error
    except UntrustedFileError as error:
        raise UntrustedFileError(f"not a {name} record ({error})") from error
    return record


def done_since(results: Path, keys: Iterable[str], known: Container[str]) -> Run | None:
    """A finished run of one of the keys that is not among the stems ``known``; None where there is none."""
    for key in keys:
        for path in (results / "runs").glob(f"*/*-{key[:8]}-*.json"):
            run, _ = load_record(results, path, Run, "run")
            if run and run.status == "done" and run.key == key and run.stem not in known:
                return run
    return None


def latest_done(runs: Iterable[Run]) -> list[Run]:
    """Of the finished runs, the newest for each trial on each machine."""
    newest: dict[tuple[str, str], Run] = {}
    for run in sorted(runs, key=lambda run: run.started_at):
        if run.status == "done":
            newest[run.machine.id, run.trial_id] = run
    return list(newest.values())


def load_predictions(results: Path, run: Run) -> Predictions | None:
    """The run's predictions, or None where the file is gone or is not what it should be."""
    arrays = _load_arrays(results, run, Predictions.__dataclass_fields__)
    loaded = None if arrays is None else Predictions(**arrays)
    return loaded if loaded and _examples_fit(loaded) else None


def load_correct(results: Path, run: Run) -> np.ndarray | None:
    """:attr:`Predictions.correct` of the run, or None; without its examples, which take half the time to read."""
    arrays = _load_arrays(results, run, ("labels", "predicted"))
    return None if arrays is None else np.asarray(arrays["labels"] == arrays["predicted"])


def _load_arrays(results: Path, run: Run, names: Collection[str]) -> dict[str, np.ndarray] | None:
    """None where the file is gone or damaged, or its labels and answers are not of the test set's size."""
    if run.artifacts is None:
        return None
    path = runs_dir(results, run.machine) / run.artifacts.predictions
    try:
        arrays = read_arrays(results, path, names)
    except (OSError, UntrustedFileError):
        return None
    wanted = ("uint8", (run.result.test_size if run.result else 0,))
    return arrays if all(_kind(arrays[name]) == wanted for name in ("labels", "predicted")) else None


def _examples_fit(predictions: Predictions) -> bool:
    """The arrays of examples are of their kinds, of one length, and say which of the images they are."""
    size, examples = len(predictions.labels), len(np.atleast_1d(predictions.example_index))
    index, confidence = predictions.example_index, predictions.example_confidence
    return (
        _kind(index) == ("int64", (examples,))
        and _kind(predictions.example_images) == ("uint8", (examples, *IMAGE_SHAPE))
        and _kind(confidence) == ("float32", (examples,))
        and bool(((index >= 0) & (index < size)).all())
        and bool(((confidence >= 0) & (confidence <= 1)).all())
    )


def _kind(array: np.ndarray) -> tuple[str, tuple[int, ...]]:
    return array.dtype.name, array.shape


def npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A compressed file of the arrays by name, as :func:`bench.common.untrusted.read_arrays` reads it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _first_error(error: ValidationError, kind: str) -> str:
    """One line: where, and what is wrong there."""
    first = error.errors(include_url=False, include_input=False)[0]
    location = ".".join(str(part) for part in first["loc"])
    return f"not a {kind} record ({location + ': ' if location else ''}{first['msg']})"
