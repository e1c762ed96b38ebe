"""The driver's end: each trial and each probe is a Ray task that holds a whole GPU, or a whole node's CPUs."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from bench.common.errors import UserError
from bench.records.probes import ProbeOutput, ProbeTask
from bench.records.schema import Epoch, Machine, Surroundings, Trial
from bench.runner.local_executor import TrialFailed
from bench.runner.nodes import Event, NodeDescription, machine_of_node
from bench.runner.ray_cluster import worker
from bench.runner.ray_cluster.connect import Cluster, check_code

if TYPE_CHECKING:
    from bench.training.trial import TrialResult

T = TypeVar("T")
R = TypeVar("R")

RESTARTS = 3
"""How often a trial begins again whose node was lost."""
STOP_S = 0.2
"""Seconds within which a wait notices that the run has been stopped."""
NO_NODE_S = 60
"""Seconds that a trial waits before it looks whether any node is left that could take it."""


class RayExecutor:
    """Runs trials and probes on the nodes of a cluster, as many at once as there is room for.

    Ray says what runs where and when; a lost node is all that is mended here.
    """

    def __init__(self, cluster: Cluster, driver: Machine, say: Callable[[str], None]) -> None:
        """``say`` is told of lost nodes."""
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
        self._train = ray.remote(**options)(worker.train)
        self._answer = ray.remote(**options)(worker.answer)

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Call ``work`` with every item, with as many at once as the cluster has room for; answers as they come."""
        pool = ThreadPoolExecutor(self._cluster.at_once)
        self._pools.append(pool)
        futures = [pool.submit(work, item) for item in items]
        for future in as_completed(futures):
            yield future.result()
        pool.shutdown()
        self._pools.remove(pool)

    def submit(self, trial: Trial, tell: Callable[[Event], None], timeout_s: float | None = None) -> "TrialResult":
        """Run ``trial`` to its end; it tells its place first, again where it had to begin again.

        Raises:
            TrialFailed: as on this machine, or its nodes were lost time and again.
            UserError: a node has other code, or no node is left.
        """
        what = f"{trial.model} seed {trial.seed}"
        outcome: TrialResult = self._carry_out(self._train, (trial, self._cluster.data_dir, timeout_s), tell, what)
        return outcome

    def answer(self, task: ProbeTask, timeout_s: float | None = None) -> ProbeOutput:
        """Put a probe to a trained model, whose weights are sent along.

        Raises:
            TrialFailed, UserError: see :meth:`submit`.
        """
        locations: list[NodeDescription] = []

        def note(event: Event) -> None:
            if isinstance(event, NodeDescription):
                locations.append(event)

        what = f"{task.probe} of {task.trial.model} seed {task.trial.seed}"
        try:
            weights = task.weights.read_bytes()
        except OSError as error:
            raise TrialFailed("error", f"the weights are gone: {error.strerror}") from error
        found: ProbeOutput = self._carry_out(
            self._answer, (task, weights, self._cluster.data_dir, timeout_s), note, what
        )
        return replace(found, machine=locations[-1].machine)

    def stop(self, reason: BaseException) -> None:
        """End what is under way by raising ``reason`` there, and what has not begun without a word; waits for it."""
        self.stopped = reason
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Leave the cluster; what this driver still runs there ends with it."""
        self._cluster.close()

    def _carry_out(self, task: Any, arguments: tuple[Any, ...], tell: Callable[[Event], None], what: str) -> Any:
        for restart in range(1, RESTARTS + 1):
            try:
                return self._follow(task.remote(*arguments), tell)
            except _NodeLost:
                self._say(f"{what}: its node was lost; begun again ({restart} of {RESTARTS})")
        try:
            return self._follow(task.remote(*arguments), tell)
        except _NodeLost:
            raise TrialFailed("error", f"its node was lost {RESTARTS + 1} times") from None

    def _follow(self, stream: Any, tell: Callable[[Event], None]) -> Any:
        """Pass on what a task tells, and give what it gives in the end."""
        begun = False
        try:
            while True:
                event = self._next(stream, begun)
                if isinstance(event, worker.Node):
                    check_code(event, self._cluster.code, "a node")
                    begun = True
                    tell(NodeDescription(machine_of_node(event.slug, self._driver), event.environment))
                elif isinstance(event, (Epoch, Surroundings)):
                    tell(event)
                elif isinstance(event, worker.Failed):
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
        """Until the next event is there.

        Raises:
            CancelledError, or the reason: the run was stopped.
            UserError: the task has not begun, and no node is left for it.
        """
        look_again = time.monotonic() + NO_NODE_S
        while True:
            if self.stopped is not None:
                raise self.stopped if begun else CancelledError
            if ray.wait([stream], timeout=STOP_S, fetch_local=False)[0]:
                return
            if not begun and time.monotonic() > look_again:
                if not self._cluster.has_room():
                    raise UserError(
                        "no node of the cluster is left that could take a trial; start one and run this again"
                    )
                look_again = time.monotonic() + NO_NODE_S


class _NodeLost(Exception):
    """Or the process on it in which Ray ran the task; not the trial's, which is another."""
