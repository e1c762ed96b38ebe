"""The executor for a cluster: each trial and each probe is a Ray task with a whole GPU, or a whole node's CPUs."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any, TypeVar

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from bench.common.errors import UserError, cause_of
from bench.records.machines import Machine
from bench.records.probes import ProbeOutput, ProbeTask
from bench.records.schema import Epoch, Trial
from bench.records.surroundings import Surroundings
from bench.records.timing import ModelTimes
from bench.runner.nodes import Event, NodeDescription, machine_of_node
from bench.runner.ray_cluster import worker
from bench.runner.ray_cluster.connect import Cluster, check_code
from bench.runner.workers.messages import TrialFailed, TrialFailure
from bench.training.result import Trained, TrialResult

T = TypeVar("T")
R = TypeVar("R")

RESTARTS = 3
"""How often a trial is restarted after its node was lost."""
STOP_S = 0.2
"""Seconds within which a wait notices that the run has been stopped."""
NO_NODE_S = 60
"""Seconds that a trial waits before it checks whether any node is left that could take it."""


class RayExecutor:
    """Runs trials and probes on the nodes of a cluster, as many at once as there is room for.

    Ray schedules them; only the loss of a node is handled here.
    """

    def __init__(self, cluster: Cluster, driver: Machine, say: Callable[[str], None]) -> None:
        """Run on ``cluster``, as ``driver``; ``say`` is called with a line for each lost node."""
        self._cluster = cluster
        self._driver = driver
        self._say = say
        self._pools: list[ThreadPoolExecutor] = []
        self.stopped: BaseException | None = None
        options = {
            "num_cpus": cluster.threads,
            "num_gpus": cluster.gpus,
            "num_returns": "streaming",
            "max_retries": 0,  # Ray would mix the epochs of two attempts in one stream
            "max_calls": 0,  # keep the process, which has torch in memory, for the next trial, with a GPU too
            "scheduling_strategy": "SPREAD",
        }
        self._trial_task = ray.remote(**options)(worker.run_trial)
        self._probe_task = ray.remote(**options)(worker.run_probe)
        self._rounds_task = ray.remote(**options)(worker.run_rounds)

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Call ``work`` with as many items at once as the cluster has room for; yields results as they come."""
        pool = ThreadPoolExecutor(self._cluster.at_once)
        self._pools.append(pool)
        futures = [pool.submit(work, item) for item in items]
        for future in as_completed(futures):
            yield future.result()
        pool.shutdown()
        self._pools.remove(pool)

    def run_trial(self, trial: Trial, on_event: Callable[[Event], None], timeout_s: float | None = None) -> TrialResult:
        """Run ``trial`` to its end; the first event is its node, again after each restart.

        Raises:
            TrialFailed: as on this machine, or its node was lost too often.
            UserError: a node has other code, or no node is left.
        """
        name = f"{trial.model} seed {trial.seed}"
        arguments = trial, self._cluster.data_dir, timeout_s
        result: TrialResult = self._run_task(self._trial_task, arguments, on_event, name)
        return result

    def run_probe(self, task: ProbeTask, timeout_s: float | None = None) -> ProbeOutput:
        """Run a probe on a trained model, whose weights are sent along.

        Raises:
            TrialFailed, UserError: see :meth:`run_trial`.
        """
        nodes: list[NodeDescription] = []
        name = f"{task.probe} of {task.trial.model} seed {task.trial.seed}"
        try:
            weights = task.weights.read_bytes()
        except OSError as error:
            raise TrialFailed("error", f"the weights are gone: {cause_of(error)}") from error
        arguments = task, weights, self._cluster.data_dir, timeout_s
        output: ProbeOutput = self._run_task(self._probe_task, arguments, _nodes_into(nodes), name)
        return replace(output, machine=nodes[-1].machine)

    def run_rounds(
        self, trials: Sequence[Trial], rounds: int, seconds: float, timeout_s: float | None = None
    ) -> tuple[list[ModelTimes], NodeDescription]:
        """Time the training steps of several models in turn, all on one node, which is given too.

        Raises:
            TrialFailed, UserError: see :meth:`run_trial`.
        """
        nodes: list[NodeDescription] = []
        arguments = tuple(trials), rounds, seconds, self._cluster.data_dir, timeout_s
        times: list[ModelTimes] = self._run_task(self._rounds_task, arguments, _nodes_into(nodes), "timing rounds")
        return times, nodes[-1]

    def stop(self, reason: BaseException) -> None:
        """Stop running trials by raising ``reason`` in their threads, drop the others, wait until all have ended."""
        self.stopped = reason
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Leave the cluster; tasks that this driver still runs there end."""
        self._cluster.close()

    def _run_task(self, task: Any, arguments: tuple[Any, ...], on_event: Callable[[Event], None], name: str) -> Any:
        """Run the task, restarted after a lost node; gives what it returned in the end."""
        for restart in range(1, RESTARTS + 1):
            try:
                return self._read_events(task.remote(*arguments), on_event)
            except _NodeLost:
                self._say(f"{name}: its node was lost; restarted ({restart} of {RESTARTS})")
        try:
            return self._read_events(task.remote(*arguments), on_event)
        except _NodeLost:
            raise TrialFailed("error", f"its node was lost {RESTARTS + 1} times") from None

    def _read_events(self, stream: Any, on_event: Callable[[Event], None]) -> Any:
        """Pass on the events of a task; gives what it returned in the end."""
        begun = False
        try:
            while True:
                event = self._next(stream, begun)
                if isinstance(event, worker.Node):
                    check_code(event, self._cluster.code, "a node")
                    begun = True
                    machine = machine_of_node(event.slug, event.system, self._driver)
                    on_event(NodeDescription(machine, event.environment, event.allocator))
                elif isinstance(event, (Epoch, Trained, Surroundings)):
                    on_event(event)
                elif isinstance(event, TrialFailure):
                    raise TrialFailed(event.status, event.reason, event.log)
                elif isinstance(event, worker.NodeError):
                    raise UserError(f"a node of the cluster failed: {event.reason}")
                else:
                    return event
        except BaseException:
            ray.cancel(stream)  # nothing where it has ended
            raise

    def _next(self, stream: Any, begun: bool) -> Any:
        self._wait(stream, begun)
        try:
            return ray.get(next(stream))
        except OutOfMemoryError as error:
            raise TrialFailed("error", "its node ran out of memory") from error
        except RayTaskError as error:
            raise UserError(f"a node of the cluster failed: {str(error).strip().splitlines()[-1]}") from error
        except (RayError, StopIteration) as error:
            raise _NodeLost from error

    def _wait(self, stream: Any, begun: bool) -> None:
        """Wait until the next event is there.

        Raises:
            CancelledError: the run was stopped before the task began; later it is the reason given to :meth:`stop`.
            UserError: the task has not begun, and no node is left for it.
        """
        next_check = time.monotonic() + NO_NODE_S
        while True:
            if self.stopped is not None:
                raise self.stopped if begun else CancelledError
            if ray.wait([stream], timeout=STOP_S, fetch_local=False)[0]:
                return
            if not begun and time.monotonic() > next_check:
                if not self._cluster.has_room():
                    raise UserError(
                        "no node of the cluster is left that could take a trial; start one and run this again"
                    )
                next_check = time.monotonic() + NO_NODE_S


def _nodes_into(nodes: list[NodeDescription]) -> Callable[[Event], None]:
    """Make a listener that keeps the nodes on which a task was begun."""

    def on_event(event: Event) -> None:
        if isinstance(event, NodeDescription):
            nodes.append(event)

    return on_event


class _NodeLost(Exception):
    """The node was lost, or the process on it in which Ray ran the task; not the trial's own, which is another."""
