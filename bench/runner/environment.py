"""Facts about where a run happened: machine, libraries, commit. Never a host name, a user or a path."""

import os
import platform
import secrets
import subprocess
from importlib import metadata
from pathlib import Path

import psutil
from filelock import FileLock

from bench.common.atomic import write_atomically
from bench.common.errors import UserError, cause_of
from bench.common.git import git_environment
from bench.common.package import PACKAGE
from bench.common.processors import thread_limits
from bench.records.fields import Environment
from bench.records.machines import Machine
from bench.records.schema import Git
from bench.runner import gpu
from bench.runner.hardware import cpu_model, machine_slug, read_system

LIBRARIES = ("torch", "torchvision", "numpy")


def describe_environment() -> Environment:
    """Facts that are the same for every trial of one call; the unit stands in the name."""
    return {
        "os": platform.system(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        **{library: metadata.version(library) for library in LIBRARIES},
        "cpu_model": cpu_model(),
        "cpu_cores": psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        **thread_limits(),
        **gpu.describe(),
    }


def read_git() -> Git:
    """Commit and state of the checkout this package runs from; nulls where it is installed outside one."""
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != PACKAGE.parent:
        return Git(commit=None, dirty=None)
    # The report writes results/ and a block of README.md, a notebook that is run writes itself; none of them changes
    # what is measured.
    status = _git(
        "status", "--porcelain", "--untracked-files=normal", "--", ".", ":!results", ":!README.md", ":!notebooks"
    )
    return Git(commit=_git("rev-parse", "HEAD"), dirty=None if status is None else bool(status))


def this_machine(data_dir: Path) -> Machine:
    """Identify this machine: its readable name and its system as they are now, and its random id, made once.

    The id is kept in the data folder.

    Raises:
        UserError: the folder cannot be written.
    """
    path = data_dir / "machine.json"
    now = Machine(slug=machine_slug(), id="0" * 8, system=read_system())
    if stored := _read_machine(path):  # perhaps brought from another machine, with the data
        return now.model_copy(update={"id": stored.id})
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(data_dir / ".machine.lock"):  # two first calls at once must not make two machines
            stored = _read_machine(path)
            machine = now.model_copy(update={"id": stored.id if stored else secrets.token_hex(4)})
            write_atomically(path, machine.model_dump_json() + "\n")
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {cause_of(error)}; name a writable folder with --data-dir or MNIST_BENCH_DATA"
        ) from error
    return machine


def _read_machine(path: Path) -> Machine | None:
    try:
        return Machine.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=PACKAGE.parent, env=git_environment(), capture_output=True, check=False
        )
    except OSError:
        return None
    return os.fsdecode(done.stdout).strip() if done.returncode == 0 else None
