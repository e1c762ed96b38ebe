"""A plugin of pytest: the benchmarks of this process run in turn with those of another, as the starter of both says.

It imports nothing of the project, for the code beside it may be that of any commit; what it needs is pytest-benchmark's
``pedantic``. A process works only while it is its turn. It gives the turn away with a message, a line of JSON:

- ``{"cases": [...], "packages": {...}}`` after collection, answered by the cases to run in their order;
- ``{"case": name, "call_s": seconds}`` when a case is warm, answered by the number of ``turns``, the ``timings`` of
  each and the ``calls`` of each timing, or by ``{"leave_out": true}`` where the other side does not have it;
- ``{"turn": number}`` after each turn.
"""

import importlib.util
import json
import os
import socket
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

WARM_S = 0.3
"""Calls before the first round take at least this long, in seconds."""

Call = Callable[..., Any]


class Turns:
    """The socket to the process that started both sides."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._file = socket.socket(fileno=descriptor).makefile("rw")

    def give_away(self, **message: Any) -> dict[str, Any]:
        """Send a message and wait until it is this side's turn again; gives the answer."""
        print(json.dumps(message), file=self._file, flush=True)
        answer = self._file.readline()
        if not answer:
            os._exit(1)  # the process that started this one is gone, and nobody is left to tell
        return dict(json.loads(answer))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option by which this process is given its end of the socket."""
    parser.addoption("--turns-socket", type=int, help="number of the open socket over which turns are given")


def pytest_configure(config: pytest.Config) -> None:
    """Have every benchmark of this process run in turn."""
    turns, pedantic, patch = Turns(config.getoption("--turns-socket")), BenchmarkFixture.pedantic, pytest.MonkeyPatch()

    def in_turn(fixture: BenchmarkFixture, *args: Any, **named: Any) -> Any:
        return _run_in_turn(turns, pedantic, fixture, *args, **named)

    patch.setattr(BenchmarkFixture, "pedantic", in_turn)
    patch.setattr(BenchmarkFixture, "__call__", lambda fixture, work, *args, **kw: in_turn(fixture, work, args, kw))
    config.add_cleanup(patch.undo)
    config.pluginmanager.register(_Collection(turns))


@pytest.hookimpl(trylast=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Leave out the host's name, which the benchmarks of an older commit may not do."""
    for private in ("node", "release"):
        machine_info.pop(private, None)


class _Collection:
    """Both sides run the same cases in the same order."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        found = {_name(item.nodeid): item for item in items if "benchmark" in getattr(item, "fixturenames", ())}
        answer = self._turns.give_away(
            cases=list(found), packages={name: _origin(name) for name in ("bench", "models")}
        )
        chosen = [found[name] for name in answer["cases"]]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def _run_in_turn(
    turns: Turns,
    pedantic: Call,
    fixture: BenchmarkFixture,
    target: Call,
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
    setup: Call | None = None,
    teardown: Call | None = None,
    *_: int,
    **_rounds: int,
) -> Any:
    """Warm up and measure in turn; how many rounds, and of how many calls, both sides are told alike."""

    def call_once() -> float:
        these, named = (setup and setup()) or (args, kwargs or {})
        began = time.perf_counter()
        target(*these, **named)
        seconds = time.perf_counter() - began
        if teardown:
            teardown(*these, **named)
        return seconds

    answer = turns.give_away(case=_name(fixture.fullname), call_s=_warm(call_once))
    if answer.get("leave_out"):
        pytest.skip("the other side does not run it")
    timings, rounds = answer["timings"], answer["turns"] * answer["timings"]
    fixture.extra_info["timings_per_turn"] = timings
    finished = count(1)

    def end_round(*these: Any, **named: Any) -> None:
        if teardown:
            teardown(*these, **named)
        number = next(finished)
        if number <= rounds and number % timings == 0:  # pedantic makes one more call in the end, for the result
            turns.give_away(turn=number // timings)

    calls = 1 if setup else answer["calls"]  # pedantic has a setup before each call alone
    return pedantic(
        fixture, target, args, kwargs, setup=setup, teardown=end_round, rounds=rounds, warmup_rounds=0, iterations=calls
    )


def _warm(once: Callable[[], float]) -> float:
    """Call until it is warm; gives the shortest call in seconds."""
    began, calls = time.perf_counter(), [once()]
    while time.perf_counter() - began < WARM_S or (len(calls) < 3 and calls[0] < 1):
        calls.append(once())
    return min(calls)


def _name(node_id: str) -> str:
    return node_id.rpartition("::")[2]


def _origin(package: str) -> str | None:
    spec = importlib.util.find_spec(package)
    return spec.origin if spec else None
