"""What the person at the terminal or the notebook sees while trials run; plain lines where it is neither."""

import sys

from bench.progress.notebook import NotebookProgress
from bench.progress.plain import PlainProgress
from bench.progress.protocol import Progress
from bench.progress.shared import SharedProgress
from bench.progress.terminal import TerminalProgress

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
