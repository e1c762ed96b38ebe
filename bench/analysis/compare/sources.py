"""Sources of the two sides: a folder of records, or ``REV:FOLDER`` read out of git."""

import contextlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.analysis.noise_floor import noise_runs
from bench.common.errors import UserError, cause_of
from bench.common.git import git_environment
from bench.records.schema import Run
from bench.records.storage import Problem, load_runs


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a set of records; ``folder`` holds their predictions.

    ``repeats`` are the runs from which the noise floors follow.
    """

    name: str
    folder: Path
    runs: list[Run]
    problems: list[Problem]
    repeats: list[Run]


@contextlib.contextmanager
def open_side(name: str) -> Iterator[Side]:
    """Read ``name``, a folder or ``REV:FOLDER``; what came out of git is gone when the block ends.

    Raises:
        UserError: there is no such folder, or git does not know it.
    """
    if Path(name).is_dir():
        yield _read(name, Path(name))
    elif ":" in name:
        with tempfile.TemporaryDirectory(prefix="mnist-bench-") as folder:
            _unpack_from_git(name, Path(folder))
            yield _read(name, Path(folder))
    else:
        raise UserError(f"no folder {name}: name a folder of records, or REV:FOLDER to read one out of git")


def _read(name: str, folder: Path) -> Side:
    runs, problems = load_runs(folder)
    return Side(name, folder, runs, problems, noise_runs(folder))


def _unpack_from_git(name: str, folder: Path) -> None:
    top = _git(name, Path.cwd(), "rev-parse", "--show-toplevel").decode().strip()
    # a name that begins with a dash must not become an option of git
    content = _git(name, Path(top), "archive", "--format=tar", "--end-of-options", name)
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(folder, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise UserError(f"cannot unpack {name} from git: {error}") from error


def _git(name: str, folder: Path, *arguments: str) -> bytes:
    try:
        process = subprocess.run(
            ["git", *arguments], cwd=folder, env=git_environment(), capture_output=True, check=False
        )
    except OSError as error:
        raise UserError(f"cannot read {name}: git is not there ({cause_of(error)})") from error
    if process.returncode:
        raise UserError(f"cannot read {name} out of git: {process.stderr.decode(errors='replace').strip()}")
    return process.stdout
