"""How every benchmark is run: the work is waited for, its conditions and its threshold stand beside its times.

The thresholds are about twice what four runs of the same code differed by (LOG.md, 2026-11-24).
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from bench.runner import gpu
from bench.runner.environment import LIBRARIES, describe_environment, read_git
from bench.training.devices import available_threads, resolve_device
from bench.training.precision import set_matrix_precision
from bench.training.timing import synchronise

Measure = Callable[..., None]

DESELECTED = pytest.StashKey[list[str]]()


@pytest.fixture(autouse=True)
def without_gpu() -> None:
    """Leave a GPU where it is: benchmarks run on whatever the machine has."""


@pytest.fixture(scope="session")
def device() -> torch.device:
    torch.set_num_threads(available_threads())
    set_matrix_precision("fp32")  # left alone, a GPU's convolutions would run in TF32
    return torch.device(resolve_device("auto"))


@pytest.fixture
def measure(benchmark: Any, device: torch.device) -> Measure:
    """Time ``work``; ``threshold`` is the share by which its median may grow before ``make track`` calls it slower."""

    def run(work: Callable[[], object], rounds: int, threshold: float, **conditions: object) -> None:
        def finished_work() -> None:
            work()
            synchronise(device)

        where = {"device": device.type, "threads": torch.get_num_threads()}
        benchmark.extra_info.update(threshold=threshold, conditions=where | conditions)
        benchmark.pedantic(finished_work, rounds=rounds, warmup_rounds=2, iterations=1)

    return run


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        item.config.stash.setdefault(DESELECTED, []).append(item.nodeid.rpartition("::")[2])


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    output_json["deselected"] = config.stash.get(DESELECTED, [])  # these have not vanished


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    for private in ("node", "release"):  # the host's name, and a kernel that may carry its owner's
        del machine_info[private]
    environment = describe_environment()
    state = gpu.state(own_processes=[])
    machine_info["libraries"] = {name: environment[name] for name in LIBRARIES}
    machine_info["gpu"] = {name: fact for name, fact in environment.items() if name.startswith("gpu_")}
    machine_info["gpu_state"] = state.model_dump() if state else None


def pytest_benchmark_update_commit_info(config: pytest.Config, commit_info: dict[str, Any]) -> None:
    git = read_git()
    commit_info.clear()
    commit_info.update(id=git.commit, dirty=git.dirty, project="mnist-bench")
