"""Ray tasks on a node of the cluster, in a process that Ray keeps from one trial to the next. Needs no Ray.

A trial is a stream: the node's description, each epoch as it ends, its surroundings, and at last its result.
"""

import os
import queue
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.common.errors import UserError, plain
from bench.data import datasets
from bench.records.fields import Environment
from bench.records.machines import System
from bench.records.probes import ProbeTask
from bench.records.schema import Trial
from bench.runner.allocator import effective_settings
from bench.runner.environment import describe_environment
from bench.runner.hardware import machine_slug, read_system
from bench.runner.monitor import monitor
from bench.runner.nodes import code_sha256
from bench.runner.workers.executor import LocalExecutor
from bench.runner.workers.messages import TrialFailed, TrialFailure
from bench.runner.workers.processes import end_forkserver


@dataclass(frozen=True)
class Node:
    """A node as it describes itself: its system, its environment, the code it would run, its allocator's settings."""

    slug: str
    system: System
    environment: Environment
    code: dict[str, str]
    allocator: dict[str, str]


@dataclass(frozen=True)
class NodeError:
    """An error on the node that is not the trial's."""

    reason: str


def describe() -> Node:
    """Describe this node, with the GPU that Ray has assigned, if there is one."""
    return Node(machine_slug(), read_system(), describe_environment(), code_sha256(), effective_settings())


def inspect_node(device: str, dataset: str, data_dir: Path | None) -> Node | NodeError:
    """Describe this node as a trial on ``device`` would find it, and unpack the data there."""
    hidden = os.environ.pop("CUDA_VISIBLE_DEVICES", None) if device == "cuda" else None  # empty, as no GPU was assigned
    try:
        datasets.prepare(datasets.find_dataset(dataset), data_dir or datasets.default_data_dir())
        return describe()
    except UserError as error:
        return NodeError(str(error))
    except Exception as error:
        return NodeError(_describe_error(error))
    finally:
        if hidden is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = hidden


def run_trial(trial: Trial, data_dir: Path | None, timeout_s: float | None) -> Iterator[Any]:
    """Run the trial; yields a :class:`Node`, epochs, surroundings, and the result or a failure."""
    yield describe()
    finish = monitor(trial.device)
    for event in _events(data_dir, lambda executor, on_event: executor.run_trial(trial, on_event, timeout_s)):
        if isinstance(event, (TrialFailure, _Returned)):
            yield finish()
        yield event.value if isinstance(event, _Returned) else event


def run_probe(task: ProbeTask, weights: bytes, data_dir: Path | None, timeout_s: float | None) -> Iterator[Any]:
    """Run a probe on the model with these weights; yields a :class:`Node`, and the output or a failure."""
    yield describe()
    with tempfile.TemporaryDirectory(prefix="mnist-bench-") as folder:
        path = Path(folder) / "weights.safetensors"
        path.write_bytes(weights)
        local_task = replace(task, weights=path)
        for event in _events(data_dir, lambda executor, _: executor.run_probe(local_task, timeout_s)):
            yield event.value if isinstance(event, _Returned) else event


def run_rounds(
    trials: Sequence[Trial], rounds: int, seconds: float, data_dir: Path | None, timeout_s: float | None
) -> Iterator[Any]:
    """Time models in turn; yields a :class:`Node`, and their times or a failure."""
    yield describe()
    for event in _events(data_dir, lambda executor, _: executor.run_rounds(trials, rounds, seconds, timeout_s)[0]):
        yield event.value if isinstance(event, _Returned) else event


@dataclass(frozen=True)
class _Returned:
    value: Any


OnEvent = Callable[[Any], None]


def _events(data_dir: Path | None, work: Callable[[LocalExecutor, OnEvent], Any]) -> Iterator[Any]:
    """Yield the events of ``work`` as they come, then what it returned. Ends the workers if it is cancelled."""
    executor = _executor(data_dir or datasets.default_data_dir())
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put_events() -> None:
        try:
            events.put(_Returned(work(executor, events.put)))
        except TrialFailed as failure:
            events.put(TrialFailure(failure.status, plain(failure.reason), failure.log))
        except BaseException as error:
            events.put(NodeError(_describe_error(error)))

    threading.Thread(target=put_events, daemon=True).start()
    ended = False
    try:
        while not ended:
            event = events.get()
            ended = isinstance(event, (_Returned, TrialFailure, NodeError))
            yield event
    finally:
        if not ended:
            executor.close()


_cached: tuple[LocalExecutor, tuple[Any, ...]] | None = None


def _executor(data_dir: Path) -> LocalExecutor:
    """The executor of this process, which keeps its workers warm.

    On another GPU, or with code that has been edited, it is a new one: workers see the GPU that was assigned and the
    code that was there when the first of them was started.
    """
    global _cached
    conditions = data_dir, os.environ.get("CUDA_VISIBLE_DEVICES"), code_sha256()
    if _cached is None or _cached[1] != conditions:
        if _cached is not None:
            _cached[0].close()
            end_forkserver()
        _set_worker_path()
        _cached = LocalExecutor(data_dir), conditions
    return _cached[0]


def _set_worker_path() -> None:
    """Make workers import from where this process does, which is the code that was compared with the driver's.

    Left alone, the process they are forked from would look in its working folder first, which is Ray's, and not where
    Ray has this one look (Python 3.11 hands it no path).
    """
    os.environ |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"}


def _describe_error(error: BaseException) -> str:
    return plain(f"{type(error).__name__}: {error}")
