"""A copy of the project in which training takes longer."""

from pathlib import Path

SLOWER = """

_call, _clock = CapturedStep.__call__, __import__("time").thread_time


def _slower(step, images, labels):
    began = _clock()
    loss = _call(step, images, labels)
    ends = _clock() + SHARE * (_clock() - began)
    while _clock() < ends:
        pass
    return loss


CapturedStep.__call__ = _slower
"""


def slow_down(checkout: Path, share: float) -> None:
    """Have every captured training step of ``checkout`` compute for a share of the time that it has computed.

    It is the thread's own time, so that the step is slower by this share whatever else the machine does.
    """
    source = checkout / "bench" / "training" / "train_step.py"
    source.write_text(f"{source.read_text()}{SLOWER.replace('SHARE', str(share))}")
