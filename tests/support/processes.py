"""The real command as a process that can be watched and disturbed while it runs."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "MAKE"))}
"""What the tests' own environment and make say to a Python must not reach the one of another environment."""


def start(environment: dict[str, str], folder: Path, *arguments: str, **options: object) -> "subprocess.Popen[str]":
    """``python -m bench`` with the arguments, in ``folder``."""
    line = [sys.executable, "-m", "bench", *arguments]
    options = {"cwd": folder, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(line, text=True, **options)  # type: ignore[call-overload, no-any-return]


def wait_for(runner: "subprocess.Popen[str]", text: str) -> None:
    """Read standard error up to a line with that text."""
    assert runner.stderr is not None
    for line in runner.stderr:
        if text in line:
            return
    raise AssertionError(f"the runner ended without saying {text!r}")


def worker(runner: "subprocess.Popen[str]") -> psutil.Process:
    """The process that trains: of those that have no children the one that uses most memory."""
    started = psutil.Process(runner.pid).children(recursive=True)
    return max((child for child in started if not child.children()), key=lambda process: process.memory_info().rss)
