"""One call of ``bench speed``: every measurement of every model, one after the other."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bench.speed.apart import measured_apart
from bench.speed.around import begin
from bench.speed.beside import measure_beside
from bench.speed.cost import measure_cost
from bench.speed.peaks import measure_peaks
from bench.speed.step_times import measure_step_times
from bench.speed.subject import Subject
from bench.speed_records import ModelSpeed, SpeedRecord


def measure_speed(
    models: Sequence[str], device: str, precision: str, threads: int, data_dir: Path, say: Callable[[str], None]
) -> tuple[SpeedRecord | None, list[str]]:
    """Measure all of ``models``; gives the record, None where none could be, and a line for each that could not.

    Args:
        say: told what is being measured.
    """
    end = begin(device, threads, data_dir)
    say("what the machine can do: matrix products and copies")
    peaks = measured_apart(measure_peaks, device, precision, threads)
    measured, failures = [], []
    for model in models:
        try:
            measured.append(_measure(Subject(model, device, precision, threads, data_dir), say))
        except Exception as error:  # a model may do anything
            failures.append(" ".join(f"{model} could not be timed: {type(error).__name__}: {error}".split()))
    if not measured:
        return None, failures
    return SpeedRecord(**end(), precision=precision, peaks=peaks, models=measured), failures


def _measure(subject: Subject, say: Callable[[str], None]) -> ModelSpeed:
    say(f"{subject.model}: the article's loop and ours in turn")
    article_epoch_s, harness_epoch_s = measure_beside(subject)
    say(f"{subject.model}: steps by batch size")
    step_times = measured_apart(measure_step_times, subject)
    say(f"{subject.model}: FLOPs, traffic, memory")
    return ModelSpeed(
        model=subject.model,
        article_epoch_s=article_epoch_s,
        harness_epoch_s=harness_epoch_s,
        step_times=step_times,
        cost=measured_apart(measure_cost, subject),
    )
