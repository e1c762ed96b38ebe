"""Shared fixtures: the real data set, unpacked once, and the real command in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    # Of tests side by side each has a core of its own. Threads that wait by spinning would take a hundred times as long
    # on a shared one; both are read when torch is imported, here and in what tests start.
    os.environ["OMP_WAIT_POLICY"] = "passive"
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})

import torch

from bench.data import datasets

ROOT = Path(__file__).resolve().parent.parent
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(autouse=True)
def without_gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the GPU from a test that is not about one: what it holds is so on a CPU."""
    if "gpu" not in request.keywords:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One for each core that this process may use; from eight on they gain little and take a gigabyte each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    datasets.prepare(datasets.DATASETS["mnist"], folder)
    return folder


@pytest.fixture(scope="session")
def mnist(data_dir: Path) -> tuple[datasets.Split, datasets.Split]:
    return datasets.load(datasets.DATASETS["mnist"], data_dir)


@pytest.fixture
def environment(data_dir: Path) -> dict[str, str]:
    return os.environ | {"MNIST_BENCH_DATA": str(data_dir)}


@pytest.fixture
def command(tmp_path: Path, environment: dict[str, str]) -> Command:
    """Run ``python -m bench`` with the arguments, in an empty folder unless ``cwd`` is named."""

    def run(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
        options = {"cwd": tmp_path, "env": environment, "timeout": 200, "capture_output": True} | options
        line = [sys.executable, "-m", "bench", *map(str, arguments)]
        return subprocess.run(line, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]

    return run


@pytest.fixture
def in_process(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The same without a process of its own, for calls that end before anything is measured."""
    from bench.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_BENCH_DATA", environment["MNIST_BENCH_DATA"])

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        written = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, int(end.value.code or 0), written.out, written.err)

    return run
