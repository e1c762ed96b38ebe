"""One call of ``bench speed``: every measurement of every model, one after the other."""

import dataclasses
from collections.abc import Callable, Sequence

from bench.records.throughput import ARTICLE, OURS, ModelThroughput, ThroughputRecord
from bench.throughput.conditions import begin
from bench.throughput.cost import measure_cost
from bench.throughput.frameworks.measure import epochs_in_turn, reason
from bench.throughput.frameworks.registry import NotPossible
from bench.throughput.peaks import measure_peaks
from bench.throughput.step_times import measure_step_times
from bench.throughput.subprocess_timer import measured_apart
from bench.throughput.workload import Subject


def measure_speed(
    models: Sequence[str], subject: Subject, say: Callable[[str], None]
) -> tuple[ThroughputRecord | None, list[str]]:
    """Measure all of ``models``; gives the record, None where none could be, and a line for each that could not.

    Args:
        subject: the conditions; its own model does not count.
        say: told what is being measured.
    """
    end = begin(subject)
    say("what the machine can do: matrix products and copies")
    peaks = measured_apart(measure_peaks, subject)
    measured, failures = [], []
    for model in models:
        try:
            measured.append(_measure(dataclasses.replace(subject, model=model), say))
        except Exception as error:  # a model may do anything
            failures.append(f"{model} could not be timed: {reason(error)}")
    if not measured:
        return None, failures
    return ThroughputRecord(**end(), peaks=peaks, models=measured), failures


def _measure(subject: Subject, say: Callable[[str], None]) -> ModelThroughput:
    say(f"{subject.model}: the article's loop and ours in turn")
    times = epochs_in_turn((ARTICLE, OURS), subject)
    if notes := [each.note for each in times if each.note]:
        raise NotPossible(notes[0])
    say(f"{subject.model}: steps by batch size")
    step_times = measured_apart(measure_step_times, subject)
    say(f"{subject.model}: FLOPs, traffic, memory")
    cost = measured_apart(measure_cost, subject)
    return ModelThroughput(model=subject.model, times=times, step_times=step_times, cost=cost)
