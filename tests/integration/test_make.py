"""What `make` does with an environment that is half made, broken or another Python's."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.processes import CLEAN


def make(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    line = ["make", f"PYTHON={sys.executable}", *words]
    return subprocess.run(line, cwd=folder, env=CLEAN, capture_output=True, text=True, check=False)


BACKEND = """
import pathlib, time
from setuptools import build_meta
from setuptools.build_meta import *

def build_editable(*arguments):
    while pathlib.Path("wait").exists():
        pathlib.Path("waiting").touch()
        time.sleep(0.1)
    return build_meta.build_editable(*arguments)
"""
"""Setuptools, which stops in the middle of its work while there is a file ``wait``."""


@pytest.fixture
def small_project(tmp_path: Path) -> Path:
    """Our Makefile around a package without dependencies, which installs in seconds."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "constraints.txt").write_text("")
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "small"\nversion = "1"\noptional-dependencies = { test = [] }\n'
        "[tool.setuptools]\npackages = []\n"
    )
    return tmp_path


@pytest.mark.slow
def test_an_environment_that_does_not_serve_is_built_again(small_project: Path) -> None:
    first = make(small_project, "install")
    assert first.returncode == 0, first.stderr
    assert "again" not in first.stdout
    assert make(small_project, "install").stdout == "make: Nothing to be done for 'install'.\n"
    python = small_project / ".venv" / "bin" / "python"

    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert "broken; building it again" in make(small_project, "install").stdout

    python.unlink()
    python.write_text("#!/bin/sh\necho 3.9\n")
    python.chmod(0o755)
    assert "belongs to another Python" in make(small_project, "install").stdout

    shutil.rmtree(next(small_project.glob(".venv/lib/*/site-packages/pip")))
    assert "building it again" in make(small_project, "install").stdout

    (small_project / ".venv" / ".installed").rename(small_project / ".venv" / ".installation-begun")
    assert "was interrupted; beginning again" in make(small_project, "install").stdout

    assert make(small_project, "install").stdout == "make: Nothing to be done for 'install'.\n"
    assert version_of_small(small_project) == "1\n"


def version_of_small(project: Path) -> str:
    """Of the package in the project's environment."""
    code = "import importlib.metadata as m; print(m.version('small'))"
    line = [project / ".venv" / "bin" / "python", "-c", code]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


def test_no_python_is_one_line(small_project: Path) -> None:
    done = subprocess.run(
        ["make", "install", "PYTHON=python9"], cwd=small_project, env=CLEAN, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        "error: python9 is missing or older than 3.11; name another with make PYTHON=python3.12"
    )
    assert not (small_project / ".venv").exists()


def kill_in_the_middle(project: Path, sign: str) -> None:
    """Kill an installation and all its processes as soon as there is a file like ``sign``."""
    line = ["make", f"PYTHON={sys.executable}", "install"]
    begun = subprocess.Popen(line, cwd=project, env=CLEAN, stdout=subprocess.DEVNULL, start_new_session=True)
    while begun.poll() is None and not list(project.glob(sign)):
        time.sleep(0.2)
    assert begun.poll() is None, "it was still installing"
    os.killpg(begun.pid, signal.SIGKILL)
    begun.wait()


def begin_again(project: Path) -> None:
    again = make(project, "install")
    assert again.returncode == 0, again.stderr
    assert "was interrupted; beginning again" in again.stdout


@pytest.mark.slow
def test_an_installation_killed_in_its_middle_is_begun_again(small_project: Path) -> None:
    (small_project / "wait").touch()
    kill_in_the_middle(small_project, "waiting")
    (small_project / "wait").unlink()
    begin_again(small_project)
    assert version_of_small(small_project) == "1\n"


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_the_installation_of_everything_killed_in_its_middle_is_begun_again(tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < 20e9:
        pytest.skip("needs 20 GB for a second environment")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    try:
        kill_in_the_middle(clone, ".venv/lib/*/site-packages/numpy")
        begin_again(clone)
        results = tmp_path / "results"
        line = [clone / ".venv" / "bin" / "python", "-m", "bench", "run", "--suite", "quick", "--results", results]
        done = subprocess.run(line, cwd=clone, env=CLEAN, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    finally:
        shutil.rmtree(clone)
