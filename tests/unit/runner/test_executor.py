"""Which worker process gets what."""

import importlib.util
from collections.abc import Callable, Iterator
from multiprocessing.context import BaseContext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.records.probes import ProbeTask
from bench.runner.workers import executor as module
from bench.runner.workers.executor import LocalExecutor
from bench.runner.workers.processes import PRELOADED
from tests.support.factories import make_trial


class Number(int):
    """An answer by which its worker is told; its model leaves no traces."""

    leaves_traces = False


class Worker:
    """Stands for a process; answers with its own number, which counts from 0."""

    started: Iterator[int]

    def __init__(self, context: BaseContext, data_dir: Path, alive_s: float) -> None:  # noqa: ARG002
        self.number = next(self.started)
        self.process = SimpleNamespace(is_alive=lambda: True)

    def run(self, source: Any, request: Any, on_epoch: Callable[..., None], *limits: float | None) -> int:  # noqa: ARG002
        return Number(self.number)

    def kill(self) -> None:
        self.process = SimpleNamespace(is_alive=lambda: False)


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LocalExecutor:
    Worker.started = iter(range(100))
    monkeypatch.setattr(module, "_Worker", Worker)
    return LocalExecutor(tmp_path)


def test_each_model_has_a_process_and_another_for_its_probes(executor: LocalExecutor) -> None:
    def trial(model: str) -> Any:
        return executor.run_trial(make_trial(model=model), lambda _: None)

    def probe(model: str) -> Any:
        return executor.run_probe(ProbeTask("distortion", make_trial(model=model), Path("w"), 10))

    assert [trial("cnn"), trial("mlp"), probe("cnn"), trial("cnn"), probe("cnn"), trial("mlp")] == [0, 1, 2, 0, 2, 1]
    assert [probe("mlp"), probe("mlp"), trial("mlp"), probe("cnn")] == [3, 3, 1, 4]


def test_fresh_workers_answer_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Worker.started = iter(range(100))
    monkeypatch.setattr(module, "_Worker", Worker)
    executor = LocalExecutor(tmp_path, fresh_workers=True)
    assert [executor.run_trial(make_trial(), lambda _: None) for _ in range(3)] == [0, 1, 2]


def test_what_the_fork_server_preloads_exists() -> None:
    """It passes over a module that it cannot import, and every worker then waits for torch."""
    assert [name for name in PRELOADED if importlib.util.find_spec(name) is None] == []
