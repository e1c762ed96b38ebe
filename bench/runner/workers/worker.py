"""The worker's own side: receive a trial or a probe, send its epochs and its result."""

import functools
import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.common.errors import UserError
from bench.records.probes import ProbeTask
from bench.records.timing import TimingTask
from bench.runner.cache_key import source_fingerprint
from bench.runner.workers.messages import Alive, RecordingFailure, TrialFailure
from bench.runner.workers.processes import descendants, kill_all

if TYPE_CHECKING:
    from models import ModelSource


def serve(connection: Connection, data_dir: Path, alive_s: float, started: float, refusal: str = "") -> None:
    """Run the worker: receive a request, send what comes of it; again until the runner is gone.

    A request is a trial, a probe, or a round of training steps to be timed.

    Args:
        connection: gives pairs of the model's source, or None where it is found by its name, and the request.
        alive_s: seconds after which it says that it is alive, if it is.
        refusal: the reason why this process must record no CUDA graphs, if there is one.
    """
    settle()
    from bench.probes.execute import execute_probe
    from bench.training import cuda_graphs
    from bench.training.step_timer import StepTimer
    from bench.training.trial import execute

    cuda_graphs.record_nothing(refusal)
    timer = functools.cache(StepTimer)
    send = _sender(connection, alive_s)
    startup_s = time.monotonic() - started
    while True:
        try:
            source, request = connection.recv()
        except EOFError:
            return
        try:
            began = time.monotonic()
            load_source(source)
            startup_s += time.monotonic() - began
            if isinstance(request, ProbeTask):
                send(execute_probe(request, data_dir))
            elif isinstance(request, TimingTask):
                send(timer(request.trial, data_dir).time(request.seconds))
            else:
                send(execute(request, data_dir, send, startup_s))
        except BaseException as error:  # a model may raise anything, SystemExit too
            send(_failure_of(error))
        startup_s = 0.0


_sources: set["ModelSource"] = set()


def load_source(source: "ModelSource | None") -> None:
    """Import the file of a model, once in this process, and check that it is what it was when the model was chosen.

    Raises:
        UserError: it has been edited since.
        ModelFileError: it cannot be imported.
    """
    from models import load_model

    if source is None or source in _sources:
        return
    file = load_model(source)
    if source.fingerprint and source_fingerprint(replace(source, file=file)) != source.fingerprint:
        raise UserError(f"{source.label}, or a file that it imports, was edited after this run began: run it again")
    _sources.add(source)


def settle() -> None:
    """Make a new process one that ends with the runner and leaves standard output, where results go, to it."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    threading.Thread(target=_end_with_runner, daemon=True).start()


def _sender(connection: Connection, alive_s: float) -> Callable[[Any], None]:
    """Give the function that sends messages; a thread sends signs of life in between."""
    from bench.training import heartbeat

    lock = threading.Lock()

    def send(message: Any) -> None:
        with lock:
            connection.send(message)

    def tell() -> None:
        last = heartbeat.count()
        while True:
            time.sleep(alive_s)
            if heartbeat.count() != last:
                last = heartbeat.count()
                send(Alive())

    threading.Thread(target=tell, daemon=True).start()
    return send


def _failure_of(error: BaseException) -> TrialFailure | RecordingFailure:
    from bench.training.cuda_graphs import RecordingFailedError
    from bench.training.train import DivergedError
    from models import ModelFileError

    if isinstance(error, RecordingFailedError):
        return RecordingFailure(str(error))
    if isinstance(error, DivergedError):
        return TrialFailure("diverged", str(error), "")
    if isinstance(error, UserError):
        return TrialFailure("error", str(error), "")
    log = "".join(traceback.format_exception(error))
    if isinstance(error, ModelFileError):
        return TrialFailure("error", str(error), log)
    # format_exception_only copes with an exception that cannot say what it is
    reason = " ".join("".join(traceback.format_exception_only(error)).split())
    return TrialFailure("error", reason, log)


def _end_with_runner() -> None:
    runner = multiprocessing.parent_process()
    if runner is not None:
        runner.join()
    kill_all(descendants(os.getpid()))
    os._exit(1)
