"""The measurements of ``bench speed``: every one of every model, one after the other."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from bench.records.throughput import ARTICLE, OURS, ModelThroughput, ThroughputRecord
from bench.throughput.conditions import begin
from bench.throughput.cost import measure_cost
from bench.throughput.frameworks.measure import epochs_in_turn, reason
from bench.throughput.frameworks.registry import UnsupportedModelError
from bench.throughput.peaks import measure_peaks
from bench.throughput.step_times import measure_step_times
from bench.throughput.subprocess_timer import run_in_subprocess
from bench.throughput.workload import Workload

if TYPE_CHECKING:
    from models import ModelSource


def measure_speed(
    models: "Mapping[str, ModelSource]", workload: Workload, say: Callable[[str], None]
) -> tuple[ThroughputRecord | None, list[str]]:
    """Measure all of ``models``; gives the record, None where none could be, and a line for each that could not.

    Args:
        models: where each comes from, by its name.
        workload: the conditions; its own model does not count.
        say: called with a line about what is being measured.
    """
    end = begin(workload)
    say("what the machine can do: matrix products and copies")
    peaks = run_in_subprocess(measure_peaks, workload)
    measured, failures = [], []
    for model, source in models.items():
        try:
            measured.append(_measure(dataclasses.replace(workload, model=model, source=source), say))
        except Exception as error:  # a model may do anything
            failures.append(f"{model} could not be timed: {reason(error)}")
    if not measured:
        return None, failures
    return ThroughputRecord(**end(), peaks=peaks, models=measured), failures


def _measure(workload: Workload, say: Callable[[str], None]) -> ModelThroughput:
    say(f"{workload.model}: the article's loop and ours in turn")
    times = epochs_in_turn((ARTICLE, OURS), workload)
    if notes := [epochs.note for epochs in times if epochs.note]:
        raise UnsupportedModelError(notes[0])
    say(f"{workload.model}: steps by batch size")
    step_times = run_in_subprocess(measure_step_times, workload)
    say(f"{workload.model}: FLOPs, traffic, memory")
    cost = run_in_subprocess(measure_cost, workload)
    return ModelThroughput(model=workload.model, times=times, step_times=step_times, cost=cost)
