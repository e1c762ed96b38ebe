"""Calls of what may crash, hang or change its process: each in a process of its own, with a limit of time."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from bench.runner.workers.messages import Failure
from bench.runner.workers.processes import describe_exit, forking, kill, start_process
from bench.runner.workers.worker import settle

T = TypeVar("T")
R = TypeVar("R")

GRACE_S = 2.0
"""Seconds that a process has to end once it has closed its end of the connection."""
START_S = 300.0
"""Seconds that a process has to begin; the first waits until torch is imported."""


def call_isolated(function: Callable[[T], R], items: Sequence[T], limit_s: float, what: str) -> list[R | Failure]:
    """Call ``function`` with each item, several at once; gives the results, or why there is none, in order.

    Args:
        limit_s: seconds that each call may take.
        what: is not finished then, in words.
    """
    at_once = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    results: dict[int, R | Failure] = {}
    waiting = list(enumerate(items))
    running: dict[Connection, _Call[R]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                number, item = waiting.pop(0)
                call: _Call[R] = _Call(number, function, item, limit_s)
                running[call.connection] = call
            first_deadline = min(call.deadline for call in running.values())
            ready = wait(list(running), max(0.0, first_deadline - time.monotonic()))
            for connection, call in list(running.items()):
                result = call.receive() if connection in ready else call.check_time(limit_s, what)
                if result is not None:
                    results[call.number] = result.value if isinstance(result, _Value) else result
                    running.pop(connection).end()
    finally:
        for call in running.values():
            call.end()
    return [results[number] for number in range(len(items))]


@dataclass(frozen=True)
class _Value(Generic[R]):
    value: R


class _Call(Generic[R]):
    """A call under way."""

    def __init__(self, number: int, function: Callable[[Any], R], item: Any, limit_s: float) -> None:
        context = forking()
        self.number = number
        self.connection, child = context.Pipe()
        self._limit_s = limit_s
        self._process: BaseProcess = start_process(context, _answer, child, function, item)
        child.close()
        self.deadline = time.monotonic() + START_S

    def receive(self) -> _Value[R] | Failure | None:
        """Receive what is there: None where it is only the word that the call has begun."""
        try:
            message: _Value[R] | Failure | None = self.connection.recv()
        except (EOFError, ConnectionError):
            self._process.join(GRACE_S)
            return Failure(f"its process {describe_exit(self._process.exitcode)}")
        if message is None:
            self.deadline = time.monotonic() + self._limit_s
        return message

    def check_time(self, limit_s: float, what: str) -> Failure | None:
        """Give the failure if the time is over."""
        return Failure(f"did not finish {what} within {limit_s:g} s") if time.monotonic() > self.deadline else None

    def end(self) -> None:
        kill(self._process)
        self.connection.close()


def _answer(connection: Connection, function: Callable[[Any], Any], item: Any) -> None:
    """Call the function in its process, and send what it gives."""
    settle()
    from models.registry import ModelFileError, describe_error

    connection.send(None)
    answer: _Value[Any] | Failure
    try:
        answer = _Value(function(item))
    except ModelFileError as error:
        answer = Failure(error.reason)
    except BaseException as error:  # a model may raise anything, SystemExit too
        answer = Failure(describe_error(error))
    connection.send(answer)
