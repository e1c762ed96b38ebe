"""What happens on a node of the cluster, in a process that Ray keeps from one trial to the next. Needs no Ray.

A trial is a stream: what the node is, each epoch as it ends, what went on around it, and at last its outcome.
"""

import os
import queue
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.common.errors import UserError, plain
from bench.data import datasets
from bench.records.probes import ProbeTask
from bench.records.schema import Environment, Status, Trial
from bench.runner.environment import describe_environment, machine_slug
from bench.runner.local_executor import LocalExecutor, TrialFailed, end_forkserver
from bench.runner.monitor import monitor
from bench.runner.nodes import code_sha256


@dataclass(frozen=True)
class Node:
    """A node as it describes itself: its kind, its environment, and the code it would run."""

    slug: str
    environment: Environment
    code: dict[str, str]


@dataclass(frozen=True)
class Failed:
    """What becomes of :class:`bench.runner.local_executor.TrialFailed` on its way to the driver."""

    status: Status
    reason: str
    log: str


@dataclass(frozen=True)
class NodeError:
    """Something went wrong on the node beside the trial."""

    reason: str


def describe() -> Node:
    """This node, as the GPU that Ray has assigned makes it, if there is one."""
    return Node(machine_slug(), describe_environment(), code_sha256())


def inspect_node(device: str, dataset: str, data_dir: Path | None) -> Node | NodeError:
    """Describe this node as a trial on ``device`` would find it, and unpack the data there."""
    hidden = os.environ.pop("CUDA_VISIBLE_DEVICES", None) if device == "cuda" else None  # as no GPU was assigned
    try:
        datasets.prepare(datasets.find_dataset(dataset), data_dir or datasets.default_data_dir())
        return describe()
    except UserError as error:
        return NodeError(str(error))
    except Exception as error:
        return NodeError(_words(error))
    finally:
        if hidden is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = hidden


def train(trial: Trial, data_dir: Path | None, timeout_s: float | None) -> Iterator[Any]:
    """Run the trial: a :class:`Node`, its epochs, its surroundings, and its outcome or how it failed."""
    yield describe()
    finish = monitor(trial.device)
    for event in _events(data_dir, lambda executor, tell: executor.submit(trial, tell, timeout_s)):
        if isinstance(event, (Failed, _Given)):
            yield finish()
        yield event.value if isinstance(event, _Given) else event


def answer(task: ProbeTask, weights: bytes, data_dir: Path | None, timeout_s: float | None) -> Iterator[Any]:
    """Put a probe to the model with these weights: a :class:`Node`, and its findings or how it failed."""
    yield describe()
    with tempfile.TemporaryDirectory(prefix="mnist-bench-") as folder:
        path = Path(folder) / "weights.safetensors"
        path.write_bytes(weights)
        here = replace(task, weights=path)
        for event in _events(data_dir, lambda executor, _: executor.answer(here, timeout_s)):
            yield event.value if isinstance(event, _Given) else event


@dataclass(frozen=True)
class _Given:
    value: Any


Tell = Callable[[Any], None]


def _events(data_dir: Path | None, work: Callable[[LocalExecutor, Tell], Any]) -> Iterator[Any]:
    """What ``work`` tells as it comes, and what it gave in the end. The process ends its workers if it is cancelled."""
    executor = _executor(data_dir or datasets.default_data_dir())
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def carry_out() -> None:
        try:
            told.put(_Given(work(executor, told.put)))
        except TrialFailed as failure:
            told.put(Failed(failure.status, plain(failure.reason), failure.log))
        except BaseException as error:
            told.put(NodeError(_words(error)))

    threading.Thread(target=carry_out, daemon=True).start()
    ended = False
    try:
        while not ended:
            event = told.get()
            ended = isinstance(event, (_Given, Failed, NodeError))
            yield event
    finally:
        if not ended:
            executor.close()


_kept: tuple[LocalExecutor, tuple[Any, ...]] | None = None


def _executor(data_dir: Path) -> LocalExecutor:
    """The executor of this process, which keeps its workers warm.

    On another GPU, or with code that has been edited, it is a new one: workers see the GPU that was assigned and the
    code that was there when the first of them was started.
    """
    global _kept
    about = data_dir, os.environ.get("CUDA_VISIBLE_DEVICES"), code_sha256()
    if _kept is None or _kept[1] != about:
        if _kept is not None:
            _kept[0].close()
            end_forkserver()
        _pass_on_the_path()
        _kept = LocalExecutor(data_dir), about
    return _kept[0]


def _pass_on_the_path() -> None:
    """Workers import from where this process does, which is what was compared with the driver's code.

    Left alone, the process they are forked from would look in its working folder first, which is Ray's, and not where
    Ray has this one look (Python 3.11 hands it no path).
    """
    os.environ |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"}


def _words(error: BaseException) -> str:
    return plain(f"{type(error).__name__}: {error}")
