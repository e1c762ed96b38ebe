"""What the person at the terminal or the notebook sees while trials run; plain lines where it is neither."""

import sys

from bench.runner.progress.outputs import Lines, Notebook, Terminal
from bench.runner.progress.progress import Progress

__all__ = ["Progress", "make_progress"]


def make_progress(at_once: int = 1) -> Progress:
    """A bar in a notebook and where standard error is a terminal, plain lines otherwise.

    Args:
        at_once: how many trials run side by side.
    """
    if _in_notebook():
        return Progress(Notebook(), at_once)
    return Progress(Terminal() if sys.stderr.isatty() else Lines(), at_once)


def _in_notebook() -> bool:
    """A kernel runs this process. IPython in a terminal has none; where IPython was never imported, there is none."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
