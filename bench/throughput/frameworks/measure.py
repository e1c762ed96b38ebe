"""Epoch times of several frameworks, round by round, each in a process of its own; for ``peers`` and ``speed``."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module, metadata

from bench.records.throughput import OURS, EpochTimes, ModelThroughput, ThroughputRecord
from bench.throughput.conditions import begin
from bench.throughput.frameworks.registry import PEERS, Task, UnsupportedModelError
from bench.throughput.subprocess_timer import Timer, subprocess_timer

ROUNDS = 15


def measure_peers(models: Sequence[str], task: Task, say: Callable[[str], None]) -> ThroughputRecord:
    """Time each framework on each of ``models``; ``say`` is called with a line about what is being measured."""
    end = begin(task)
    measured = []
    for model in models:
        say(f"{model}: {', '.join(PEERS)} in turn")
        times = epochs_in_turn(PEERS, dataclasses.replace(task, model=model))
        measured.append(ModelThroughput(model=model, times=times))
    return ThroughputRecord(**end(), models=measured)


def epochs_in_turn(frameworks: Iterable[str], task: Task) -> list[EpochTimes]:
    """Time ``ROUNDS`` epochs of each in turn, each warmed up; one that cannot do it has none, and a note with why.

    Ratios taken round by round allow for a machine that slows down, since that slows all.
    """
    seconds: dict[str, list[float]] = {framework: [] for framework in frameworks}
    notes = {name: "not installed: make peers installs it" for name in seconds if versions_of(name) is None}
    with contextlib.ExitStack() as stack:
        timers = {
            name: stack.enter_context(subprocess_timer(_build, name, task, as_in_training=name == OURS))
            for name in seconds
            if name not in notes
        }
        notes |= {name: _warm_up(epoch) for name, epoch in timers.items()}
        for _ in range(ROUNDS):
            for name, epoch in timers.items():
                if not notes[name]:
                    seconds[name].append(epoch())
    return [
        EpochTimes(framework=name, versions=versions_of(name) or {}, epoch_s=epoch_s, note=notes[name])
        for name, epoch_s in seconds.items()
    ]


def versions_of(framework: str) -> dict[str, str] | None:
    """The versions of the packages that the framework needs; None where one is not installed."""
    try:
        return {package: metadata.version(package) for package in PEERS[framework].packages}
    except metadata.PackageNotFoundError:
        return None


def reason(error: Exception) -> str:
    """The error in one line: its kind and its text, or the text alone where that says why something cannot be done."""
    kind = "" if isinstance(error, UnsupportedModelError) else f"{type(error).__name__}: "
    return " ".join(f"{kind}{error}".split())


def _warm_up(epoch: Timer) -> str:
    """Set up and train for an epoch, compiling included; gives the reason where that fails."""
    try:
        epoch()
    except Exception as error:  # a framework may do anything
        return reason(error)[:300]
    return ""


def _build(framework: str, task: Task) -> Timer:
    """Build the timer of a framework, in its own process; the framework is imported nowhere else."""
    timer: Timer = import_module(f"{__package__}.{PEERS[framework].module}").timer(task)
    return timer
