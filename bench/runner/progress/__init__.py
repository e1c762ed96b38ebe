"""The progress of the trials, at a terminal, in a notebook, or as plain lines."""

from bench.runner.progress.progress import Progress, make_progress

__all__ = ["Progress", "make_progress"]
