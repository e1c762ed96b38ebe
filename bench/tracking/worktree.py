"""A commit checked out beside the working tree, in a git worktree that is gone when it is no longer needed."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.common.errors import UserError, cause_of, say
from bench.common.git import git_environment
from bench.runner.signals import deferred_signals


@dataclass(frozen=True)
class Worktree:
    """A commit, whole, and the folder in which its files are."""

    commit: str
    folder: Path


@contextlib.contextmanager
def worktree_of(checkout: Path, revision: str, needed: Path) -> Iterator[Worktree]:
    """Check ``revision`` out in a temporary folder; folder and worktree are removed when the block ends, however.

    Args:
        needed: a folder that the commit must have.

    Raises:
        UserError: git is not there, the checkout is no repository, or there is no such commit, or it lacks ``needed``.
    """
    commit = resolve(checkout, revision)
    if _git(checkout, "cat-file", "-e", f"{commit}:{needed.as_posix()}").returncode:
        raise UserError(f"{revision} ({commit[:12]}) has no {needed}: name a commit that has the benchmarks")
    with tempfile.TemporaryDirectory(prefix="mnist-bench-") as temporary:
        folder = Path(temporary).resolve() / "checkout"
        try:
            # hooks that the user has for a checkout are for the user's own
            made = _git(
                checkout,
                "-c",
                "core.hooksPath=/dev/null",
                "worktree",
                "add",
                "--quiet",
                "--detach",
                str(folder),
                commit,
            )
            if made.returncode:
                raise UserError(f"git cannot check {revision} out: {_last_line(made.stderr)}")
            yield Worktree(commit, folder)
        finally:
            # Not 'git worktree prune': it would also forget worktrees of the user's on a disk that is not mounted.
            with deferred_signals():
                removed = _git(checkout, "worktree", "remove", "--force", "--force", str(folder))
            if removed.returncode and "is not a working tree" not in removed.stderr:
                say(f"warning: the git worktree {folder} could not be removed: {_last_line(removed.stderr)}")


def resolve(checkout: Path, revision: str) -> str:
    """Find the commit that a name means.

    Raises:
        UserError: git is not there, the checkout is no repository, or there is no such commit.
    """
    top = _git(checkout, "rev-parse", "--show-toplevel")
    if top.returncode or Path(top.stdout.strip()).resolve() != checkout:
        raise UserError(f"--against {revision} needs the git history of the project, and {checkout} is no repository")
    found = _git(checkout, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found.returncode:
        raise UserError(f"git knows no commit {revision!r}: name one as 'git log' does, a tag or a branch")
    return found.stdout.strip()


def _git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            ["git", *arguments], cwd=folder, env=git_environment(), capture_output=True, text=True, check=False
        )
    except (OSError, ValueError) as error:  # ValueError: a zero byte among the arguments
        cause = cause_of(error) if isinstance(error, OSError) else str(error)
        raise UserError(f"--against needs git, which cannot be run: {cause}") from error


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "no reason given")
