"""What the person at the terminal or the notebook sees while trials run; plain lines where it is neither."""

import sys

from bench.runner.progress.notebook import NotebookProgress
from bench.runner.progress.plain import PlainProgress
from bench.runner.progress.protocol import Progress
from bench.runner.progress.terminal import TerminalProgress
from bench.runner.progress.threadsafe import SharedProgress

__all__ = ["Progress", "make_progress"]


def make_progress(at_once: int = 1) -> Progress:
    """A bar in a notebook and where standard error is a terminal, plain lines otherwise.

    Args:
        at_once: how many trials run side by side.
    """
    if _in_notebook():
        progress: Progress = NotebookProgress(at_once)
    else:
        progress = TerminalProgress(at_once) if sys.stderr.isatty() else PlainProgress(at_once)
    return progress if at_once == 1 else SharedProgress(progress)


def _in_notebook() -> bool:
    """A kernel runs this process. IPython in a terminal has none; where IPython was never imported, there is none."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
