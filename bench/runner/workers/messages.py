"""Messages between the runner and its workers, and the exception that a failed trial raises in the runner."""

from dataclasses import dataclass

from bench.records.fields import Status


class TrialFailed(Exception):
    """The trial did not finish; ``log`` is what the model's author needs to repair it, a traceback if there is one."""

    def __init__(self, status: Status, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.status: Status = status
        self.reason = reason
        self.log = log


@dataclass(frozen=True)
class TrialFailure:
    """The content of :class:`TrialFailed`, as one process sends it to another."""

    status: Status
    reason: str
    log: str


@dataclass(frozen=True)
class Alive:
    """A worker has finished a training step or an evaluation batch since it last said so."""


@dataclass(frozen=True)
class RecordingFailure:
    """The reason why a worker's process can record no CUDA graph any more, so that another must go on without."""

    reason: str


@dataclass(frozen=True)
class Failure:
    """The reason, in one line, why a call in a process of its own has no result."""

    reason: str
