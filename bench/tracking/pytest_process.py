"""How pytest is called for the benchmarks: its command line, its environment, and the name of what it writes."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from bench.common.errors import UserError
from bench.common.git import git_environment
from bench.common.package import PACKAGE
from bench.records.schema import Git

CHECKOUT = PACKAGE.parent
CASES = Path("tests") / "benchmarks"

NOTHING_CHOSEN = 5
"""pytest's exit code where no test was selected."""


def check_checkout() -> None:
    """Check that this package runs from a checkout, which has the benchmarks.

    Raises:
        UserError: it is an installed package.
    """
    if not (CHECKOUT / CASES).is_dir():
        raise UserError("track runs the benchmarks of a checkout, and this is an installed package: clone the project")


def pytest_command(storage: Path, name: str, only: str | None, *options: str) -> list[str]:
    """Build the call that runs the benchmarks and has pytest-benchmark save them, with the times of every round.

    Args:
        storage: folder into which pytest-benchmark writes ``NNNN_name.json``, in a folder of its own naming.
        only: pytest's expression for ``-k``.
    """
    return [
        sys.executable, "-m", "pytest", str(CASES), "--quiet", "-p", "no:cacheprovider", "-o", "addopts=",
        "--benchmark-only", "--benchmark-columns=median,iqr,rounds",
        f"--benchmark-storage=file://{storage}", f"--benchmark-save={name}", "--benchmark-save-data",
        *(["-k", only] if only else []), *options,
    ]  # fmt: skip


def pytest_environment() -> dict[str, str]:
    """Copy the environment without the options that a user sets for pytest, or git, elsewhere."""
    return {name: value for name, value in git_environment().items() if not name.startswith("PYTEST_")}


def name_for(git: Git) -> str:
    """Name of a run's file after its number, as pytest-benchmark names those it saves by itself."""
    dirty = "_uncommitted-changes" if git.dirty else ""
    return f"{git.commit or 'unversioned'}_{datetime.now(UTC):%Y%m%d_%H%M%S}{dirty}"


def written_by_pytest(storage: Path) -> list[Path]:
    """Find the files that pytest-benchmark saved, in order.

    Raises:
        UserError: there is none.
    """
    written = sorted(storage.glob("*/*.json"), key=lambda path: path.name)
    if not written:
        raise UserError("pytest-benchmark saved no result; is it installed? ('make install')")
    return written


def check_passed(code: int, only: str | None) -> None:
    """Check pytest's exit code.

    Raises:
        UserError: a case failed, or none was chosen.
    """
    if code == NOTHING_CHOSEN:
        raise nothing_called(only)
    if code:
        raise UserError(f"the benchmarks did not pass (pytest's exit code {code}); nothing was saved")


def nothing_called(only: str | None) -> UserError:
    """Build the error for an expression that no benchmark matches."""
    return UserError(f"no benchmark is called like {only!r}: 'pytest --collect-only {CASES}' lists them")
