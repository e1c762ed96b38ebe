"""Result of a trial, as a worker sends it to the runner. Needs no torch."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.records.schema import Clock, Epoch, Execution, Flag, Memory, ModelInfo, Result
from bench.records.storage import Predictions


@dataclass(frozen=True)
class TrialResult:
    """A finished trial: the parts of its record that only the worker knows, and its artifacts.

    ``leaves_traces``: its model may have changed what the next trial in the same process would meet.
    """

    model: ModelInfo
    result: Result
    execution: Execution
    clock: Clock
    memory: Memory
    predictions: Predictions
    weights: bytes
    leaves_traces: bool
    flags: list[Flag] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """A trial whose training is over; it has all that a run needs, and lacks what is optional."""

    result: TrialResult


OnEvent = Callable[[Epoch | Trained], None]
