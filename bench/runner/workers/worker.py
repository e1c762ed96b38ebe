"""The worker's own side: receive a trial or a probe, send its epochs and its result."""

import contextlib
import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.common.errors import UserError
from bench.records.probes import ProbeTask
from bench.runner.workers.messages import Alive, TrialFailure
from bench.runner.workers.processes import descendants, kill_all

SIGN_S = 5.0
"""Seconds between two signs of life."""


def serve(connection: Connection, data_dir: Path, started: float) -> None:
    """Run the worker: receive a trial or a probe, send its epochs and its result; again until the runner is gone."""
    settle()
    from bench.probes.execute import execute_probe
    from bench.training.trial import execute

    send = _send_with_signs_of_life(connection)
    startup_s = time.monotonic() - started
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        try:
            if isinstance(request, ProbeTask):
                send(execute_probe(request, data_dir))
            else:
                send(execute(request, data_dir, send, startup_s))
        except BaseException as error:  # a model may raise anything, SystemExit too
            send(_failure_of(error))
        startup_s = 0.0


def settle() -> None:
    """Make a new process one that ends with the runner and leaves standard output, where results go, to it."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    threading.Thread(target=_end_with_runner, daemon=True).start()


def _send_with_signs_of_life(connection: Connection) -> Callable[[Any], None]:
    """Let a thread send a sign of life while batches are finished; give the function that sends all else."""
    from bench.training.heartbeat import beats

    lock = threading.Lock()

    def send(message: Any) -> None:
        with lock:
            connection.send(message)

    def watch() -> None:
        before = beats()
        while True:
            time.sleep(SIGN_S)
            now = beats()
            if now != before:
                before = now
                with contextlib.suppress(OSError):  # the runner is gone, and ends this process
                    send(Alive())

    threading.Thread(target=watch, daemon=True).start()
    return send


def _failure_of(error: BaseException) -> TrialFailure:
    from bench.training.train import DivergedError

    if isinstance(error, DivergedError):
        return TrialFailure("diverged", str(error), "")
    if isinstance(error, UserError):
        return TrialFailure("error", str(error), "")
    # format_exception_only copes with an exception that cannot say what it is
    reason = " ".join("".join(traceback.format_exception_only(error)).split())
    return TrialFailure("error", reason, "".join(traceback.format_exception(error)))


def _end_with_runner() -> None:
    runner = multiprocessing.parent_process()
    if runner is not None:
        runner.join()
    kill_all(descendants(os.getpid()))
    os._exit(1)
