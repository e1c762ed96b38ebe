"""Save records and predictions atomically, load them validated. Reading needs no torch and runs no code."""

import io
import time
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from bench.common.atomic import write_atomically
from bench.common.errors import UserError, cause_of, one_line
from bench.common.untrusted import UntrustedFileError, make_folder, parse_json, read_arrays, read_inside
from bench.records.machines import Machine
from bench.records.schema import DatedRecord, Run, disambiguate

R = TypeVar("R", bound=DatedRecord)

IMAGE_SHAPE = (28, 28)
NOISE_FOLDER = "noise"
"""Below the results folder: the records of trials repeated to measure the noise floor."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of the trained model on the test set, and example images for the pictures.

    ``labels``, ``predicted``: uint8 of shape ``(N,)``. ``example_index`` int64 ``(k,)`` into them,
    ``example_images`` uint8 ``(k, 28, 28)``, ``example_confidence`` float32 ``(k,)``: the probability of the
    predicted label.
    """

    labels: np.ndarray
    predicted: np.ndarray
    example_index: np.ndarray
    example_images: np.ndarray
    example_confidence: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """Whether each prediction is right: bool of shape ``(N,)``."""
        return np.asarray(self.labels == self.predicted)


@dataclass(frozen=True)
class Problem:
    """A file among the records that is not one; it is skipped and left as it is."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return one_line(f"{self.path.name}: {self.reason}")


def check_writable(results: Path) -> None:
    """Check that the folder can be written, by making it and a file in it, which is removed again.

    Raises:
        UserError: it cannot be written.
    """
    test_file = results / f".writable-{time.monotonic_ns()}"
    try:
        results.mkdir(parents=True, exist_ok=True)
        test_file.touch()
        test_file.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write to results folder {results}: {cause_of(error)}; name another with --results"
        ) from error


def runs_dir(results: Path, machine: Machine) -> Path:
    """Folder of one machine's runs."""
    return results / "runs" / machine.name


def run_path(results: Path, run: Run) -> Path:
    """Path of the run's record."""
    return runs_dir(results, run.machine) / f"{run.stem}.json"


def save_run(
    results: Path, run: Run, predictions: Predictions | None = None, weights: bytes = b"", source: bytes | None = None
) -> Path:
    """Write a run: artifacts first and the record last, so that a record never names a file that is not there.

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
        if run.artifacts.source and source is not None:
            content[folder / run.artifacts.source] = source
    content[path] = run.model_dump_json(by_alias=True, indent=1) + "\n"
    try:
        for file, data in content.items():
            write_atomically(file, data)
    except OSError:
        for file in content:
            file.unlink(missing_ok=True)
        raise
    return path


def save_measurement(folder: Path, name: str, record: DatedRecord) -> Path:
    """Write the record below ``folder``, in the folder of its machine.

    Raises:
        OSError: the folder cannot be written.
    """
    path = folder / record.machine.name / f"{name}-{record.moment}.json"
    make_folder(folder.parent, path.parent)
    write_atomically(path, record.model_dump_json(by_alias=True, indent=1) + "\n")
    return path


def load_runs(results: Path) -> tuple[list[Run], list[Problem]]:
    """Load every run below ``results/runs``, oldest first, and every JSON file there that is not a record."""
    return load_records(results / "runs", Run, "run")


def load_records(folder: Path, kind: type[R], name: str) -> tuple[list[R], list[Problem]]:
    """Load every record of that kind below ``folder``, oldest first, and every JSON file there that is not one.

    Args:
        name: the kind's name in the message about a file that is not one.
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
    """Load the record in a file below ``folder``; give it, or the problem with the file."""
    try:
        return parse_record(read_inside(folder, path), kind, name), None
    except UntrustedFileError as error:
        return None, Problem(path, str(error))
    except OSError as error:
        return None, Problem(path, f"unreadable ({cause_of(error)})")


def parse_record(content: bytes, kind: type[R], name: str) -> R:
    """Parse a record and validate it.

    Raises:
        UntrustedFileError: it is no record of that kind.
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
    """Find a finished run of one of the keys that is not among the stems ``known``; None where there is none."""
    for key in keys:
        for path in (results / "runs").glob(f"*/*-{key[:8]}-*.json"):
            run, _ = load_record(results, path, Run, "run")
            if run and run.status == "done" and run.key == key and run.stem not in known:
                return run
    return None


def latest_done(runs: Iterable[Run]) -> list[Run]:
    """Choose the newest finished run of each trial on each system."""
    newest: dict[tuple[str, str], Run] = {}
    for run in sorted(runs, key=lambda run: run.started_at):
        if run.status == "done":
            newest[run.machine.system_id, run.trial_id] = run
    return list(newest.values())


def load_predictions(results: Path, run: Run) -> Predictions | None:
    """Load the run's predictions; None where the file is gone or is not what it should be."""
    arrays = _load_arrays(results, run, Predictions.__dataclass_fields__)
    loaded = None if arrays is None else Predictions(**arrays)
    return loaded if loaded and _examples_fit(loaded) else None


def load_correct(results: Path, run: Run) -> np.ndarray | None:
    """Load :attr:`Predictions.correct` of the run, or None, without the examples, which take half the time to read."""
    arrays = _load_arrays(results, run, ("labels", "predicted"))
    return None if arrays is None else np.asarray(arrays["labels"] == arrays["predicted"])


def _load_arrays(results: Path, run: Run, names: Collection[str]) -> dict[str, np.ndarray] | None:
    """Load arrays of a run's predictions; None if the file is gone or damaged, or of another size than the test set."""
    if run.artifacts is None:
        return None
    path = runs_dir(results, run.machine) / run.artifacts.predictions
    try:
        arrays = read_arrays(results, path, names)
    except (OSError, UntrustedFileError):
        return None
    expected = ("uint8", (run.result.test_size if run.result else 0,))
    return arrays if all(_kind(arrays[name]) == expected for name in ("labels", "predicted")) else None


def _examples_fit(predictions: Predictions) -> bool:
    """Check the arrays of examples: their types, their common length, and that their indices are those of images."""
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
    """Pack arrays by name into an npz file, as :func:`bench.common.untrusted.read_arrays` reads it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _first_error(error: ValidationError, kind: str) -> str:
    """Describe the first error in one line: the field, and what is wrong with it."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"not a {kind} record ({field + ': ' if field else ''}{first['msg']})"
