"""The progress of a run, at a terminal, in a notebook, or as plain lines."""

from bench.runner.progress.eta import Expected, Kind
from bench.runner.progress.progress import Progress, make_progress

__all__ = ["Expected", "Kind", "Progress", "make_progress"]
