"""Two pytest processes, one for each side of a comparison, of which only one works at a time."""

import contextlib
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.common.errors import UserError, tolerant
from bench.common.package import PACKAGE
from bench.tracking.pytest_process import NOTHING_CHOSEN, pytest_command, pytest_environment

PLUGIN = PACKAGE / "tracking" / "turns_plugin.py"
"""Not imported here: an installation need not have pytest."""

TIMING_S = 0.003
"""What is timed takes at least this long, in seconds: several calls where one is short."""

TURN_S = 0.1
"""What a side times before it is the other's turn takes at least this long: several timings where one is short."""

CASE_S = 6.0
MOST_TURNS = 40
FEWEST_TURNS = 15
"""Turns of a side with a case: as many as take this long on both sides together, within these bounds."""

SILENT_S = 300.0
"""A side that keeps its turn for longer hangs."""

LOG_LINES = 40


@dataclass(frozen=True)
class Source:
    """One side: what messages call it, the folder of its code, and the name of the file that it saves."""

    label: str
    checkout: Path
    saved_as: str


@dataclass
class Side:
    """The pytest process of one side."""

    source: Source
    process: "subprocess.Popen[bytes]"
    log: Path
    _socket: socket.socket
    _received: bytes = field(default=b"")

    def tell(self, **message: Any) -> None:
        """Give this side the turn."""
        with contextlib.suppress(OSError):  # it has ended, as the next question shows
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> dict[str, Any] | None:
        """Wait until it gives the turn away; None where it ended well instead.

        Raises:
            UserError: it hangs, or it failed.
        """
        try:
            while b"\n" not in self._received:
                part = self._socket.recv(65536)
                if not part:
                    self._check_ended_well()
                    return None
                self._received += part
        except TimeoutError:
            raise self._hangs() from None
        except OSError:
            self._check_ended_well()
            return None
        line, _, self._received = self._received.partition(b"\n")
        return dict(json.loads(line))

    def _check_ended_well(self) -> None:
        try:
            code = self.process.wait(SILENT_S)
        except subprocess.TimeoutExpired:
            raise self._hangs() from None
        if code not in (0, NOTHING_CHOSEN):
            self._show_log()
            reason = f"pytest's exit code {code}" if code > 0 else f"ended by {signal.Signals(-code).name}"
            raise UserError(f"the benchmarks of {self.source.label} did not pass ({reason}); nothing was saved")

    def _hangs(self) -> UserError:
        self._show_log()
        return UserError(f"the benchmarks of {self.source.label} hang: no turn in {SILENT_S:g} s; nothing was saved")

    def _show_log(self) -> None:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        print(*lines, sep="\n", file=tolerant(sys.stderr), flush=True)

    def kill(self) -> None:
        """End the process and what it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._socket.close()


@dataclass(frozen=True)
class Measured:
    """Cases that were measured on both sides, and those that only one side has or runs."""

    both: list[str]
    only_before: list[str]
    only_after: list[str]


@contextlib.contextmanager
def open_sides(sources: Sequence[Source], only: str | None, storage: Path, folder: Path) -> Iterator[list[Side]]:
    """Start both processes; they are ended when the block ends.

    Args:
        only: pytest's expression for ``-k``.
        storage: where pytest-benchmark saves, one side after the other.
        folder: an empty one, for logs and the plugin alone, so that nothing else can be imported from beside it.
    """
    shutil.copy(PLUGIN, folder)
    with contextlib.ExitStack() as opened:
        sides = []
        for number, source in enumerate(sources):
            side = _start(source, only, storage, folder, folder / f"{number}.log")
            opened.callback(side.kill)
            sides.append(side)
        yield sides


def _start(source: Source, only: str | None, storage: Path, plugins: Path, log: Path) -> Side:
    ours, theirs = socket.socketpair()
    ours.settimeout(SILENT_S)
    command = pytest_command(
        storage, source.saved_as, only, f"--rootdir={source.checkout}", "-o", "timeout=0", "-x",
        "-p", PLUGIN.stem, f"--turns-socket={theirs.fileno()}",
    )  # fmt: skip
    environment = pytest_environment()
    paths = [str(source.checkout), str(plugins), *filter(None, [environment.get("PYTHONPATH")])]
    # the order of sets and dicts of strings would make one process faster than the next
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"}
    with theirs, log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=source.checkout, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, pass_fds=[theirs.fileno()], start_new_session=True,
        )  # fmt: skip
    return Side(source, process, log, ours)


def measure_in_turn(
    sides: Sequence[Side], chosen: Collection[str] | None, on_case: Callable[[int, int, str], object]
) -> Measured:
    """Run the cases that both sides have, turn by turn; pytest-benchmark saves both sides' timings in the end.

    Args:
        chosen: the cases to measure; None for all.
        on_case: called with the number, the total and the name when the turns of a case begin.

    Raises:
        UserError: a side fails, hangs, or runs code that is not its own.
    """
    before, after = (_collected(side) for side in sides)
    cases = [name for name in before if name in after and (chosen is None or name in chosen)]
    measured = Measured(
        [], [name for name in before if name not in after], [name for name in after if name not in before]
    )
    waiting: list[dict[str, Any] | None] = []
    for side in sides:
        side.tell(cases=cases)
        waiting.append(side.hear())
    while any(waiting):
        here = min(cases.index(at["case"]) for at in waiting if at)
        there = [at is not None and cases.index(at["case"]) == here for at in waiting]
        if all(there):
            on_case(here + 1, len(cases), cases[here])
            _alternate(sides, [at["call_s"] for at in waiting if at])
            measured.both.append(cases[here])
        else:
            (measured.only_before if there[0] else measured.only_after).append(cases[here])
        for number, side in enumerate(sides):
            if there[number]:
                side.tell(**({} if all(there) else {"leave_out": True}))
                waiting[number] = side.hear()
    return measured


def _collected(side: Side) -> list[str]:
    collected = side.hear()
    if collected is None:
        return []
    for package, origin in collected["packages"].items():
        if origin is None or not Path(origin).resolve().is_relative_to(side.source.checkout):
            raise UserError(f"{side.source.label} would measure the {package} in {origin}, which is not its own")
    return list(collected["cases"])


def _alternate(sides: Sequence[Side], calls_s: Sequence[float]) -> None:
    """Have both sides take all their turns of a case; each goes first every other time."""
    plan = plan_turns(calls_s)
    for number in range(plan["turns"]):
        for side in sides if number % 2 == 0 else reversed(sides):
            side.tell(**plan)
            if side.hear() is None:
                raise UserError(f"the benchmarks of {side.source.label} ended in the middle; nothing was saved")


def plan_turns(calls_s: Sequence[float]) -> dict[str, int]:
    """Plan how many turns a case has, of how many timings, each of how many calls, from the seconds of a call.

    The side that takes longer decides, so that no turn is endless where the other is many times as fast.
    """
    longest, both = max(*calls_s, 1e-7), max(sum(calls_s), 1e-7)
    calls = math.ceil(TIMING_S / longest)
    timings = math.ceil(TURN_S / (calls * longest))
    turns = CASE_S / (timings * calls * both)
    return {"calls": calls, "timings": timings, "turns": round(min(MOST_TURNS, max(FEWEST_TURNS, turns)))}
