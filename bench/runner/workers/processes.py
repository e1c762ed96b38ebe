"""Processes of this machine: how they are started, how they are ended with all that they started, how they ended."""

import contextlib
import multiprocessing
import os
import signal
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

import psutil

from bench.common.package import same_imports
from bench.common.sockets import make_socket_folder
from bench.runner.allocator import allocator_settings

PRELOADED = [
    "bench.training.trial", "bench.probes.execute", "bench.runner.workers.worker", "bench.runner.discovery.contents",
    "torch._dynamo",
]  # fmt: skip
"""Modules that a process which only forks imports once, so that no worker waits for torch; it computes nothing itself.

torch imports the last, which takes a second, when FLOPs are first counted. None of them imports a model's file, which
may do anything: start threads, which a forked process would wait for in vain, or end the process.
"""

NVML_CHECK = "PYTORCH_NVML_BASED_CUDA_CHECK"


def forking() -> BaseContext:
    """The context whose processes are forked from one that has imported torch; where there is none, new ones."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def fresh() -> BaseContext:
    """The context whose processes have imported nothing."""
    return multiprocessing.get_context("spawn")


def start_process(context: BaseContext, target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Start a process with the allocator settings of training, which no signal for the runner reaches.

    It ends without a word where it has something to say and nobody is left to hear it.
    """
    process: BaseProcess = context.Process(  # type: ignore[attr-defined]
        target=_until_unheard, args=(target, *arguments), daemon=True
    )
    with _conditions():
        process.start()
    return process


def _until_unheard(target: Callable[..., None], *arguments: Any) -> None:
    with contextlib.suppress(BrokenPipeError):  # the call that started it was interrupted
        target(*arguments)


def start_forkserver() -> None:
    """Start the process that others are forked from, and do not wait until it has imported what it preloads."""
    if forking().get_start_method() == "forkserver":
        from multiprocessing import forkserver

        with _conditions():
            forkserver.ensure_running()


@contextlib.contextmanager
def _conditions() -> Iterator[None]:
    make_socket_folder()
    with same_imports(), allocator_settings(), _no_main_module(), _interrupt_blocked(), _cuda_left_alone():
        yield


def kill(process: BaseProcess) -> None:
    """End the process and every process that it started."""
    started = descendants(process.pid)
    process.kill()
    process.join()
    kill_all(started)


def descendants(pid: int | None) -> list[psutil.Process]:
    """List every process that a process and its children have started and that lives."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """End these processes, as far as they live."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def describe_exit(exitcode: int | None) -> str:
    """Describe in words how a process ended; None: it has not."""
    if exitcode is None:
        return "hung up without ending"
    if exitcode == -signal.SIGKILL:
        return "killed by SIGKILL (as the system does when memory runs out)"
    if exitcode < 0:
        has_name = -exitcode in set(signal.Signals)  # signals for real-time use have numbers alone
        return f"killed by {signal.Signals(-exitcode).name if has_name else f'signal {-exitcode}'}"
    return f"ended with exit code {exitcode}"


def end_forkserver() -> None:
    """End the process that workers are forked from, if there is one; the next worker starts it again.

    It holds the code as it was when it began. A command ends with it; a notebook lives on, and whoever edits a model
    between two runs there wants the second to train what is in the file, as the record will say it did. Processes that
    others had forked from it would be waited for, so beside any it is left alone.
    """
    if "forkserver" in multiprocessing.get_all_start_methods() and not multiprocessing.active_children():
        from multiprocessing import forkserver

        forkserver._forkserver._stop()  # type: ignore[attr-defined]


@contextlib.contextmanager
def _cuda_left_alone() -> Iterator[None]:
    """Start processes inside in which ``torch.cuda.is_available()`` asks the driver's library and not CUDA.

    Whoever forks a process after asking CUDA leaves it without: https://docs.pytorch.org/docs/stable/notes/cuda.html
    """
    if NVML_CHECK in os.environ:
        yield
        return
    os.environ[NVML_CHECK] = "1"
    try:
        yield
    finally:
        del os.environ[NVML_CHECK]


@contextlib.contextmanager
def _interrupt_blocked() -> Iterator[None]:
    """Start processes inside that see neither Ctrl-C nor a closed terminal: the runner alone decides what ends.

    They keep the mask; a handler would come too late for the process that imports torch before it runs our code.
    """
    resource_tracker.ensure_running()  # at its own start it would take the block away again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _no_main_module() -> Iterator[None]:
    """Start processes inside that do not run the caller's script again, which need not guard itself against that.

    They import what they need by name; multiprocessing would have them import ``__main__`` as well.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
