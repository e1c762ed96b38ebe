"""The outputs that progress is shown on: a terminal, a notebook, plain lines."""

import sys
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichBar

from bench.common.errors import say, tolerant

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

BAR_WIDTH = 24
"""The width of a bar over all epochs, in characters."""


class Output(Protocol):
    """Lines that stay, and perhaps a bar below them."""

    has_bar: bool

    def line(self, text: str) -> None: ...

    def bar(self, done: int, total: int, words: str) -> None:
        """Draw the bar with ``words`` beside it, in place of the previous one."""

    def close(self) -> None: ...


class Lines:
    """Plain lines on standard error, where it is no terminal: in a file, in CI."""

    has_bar = False

    def line(self, text: str) -> None:
        say(text)

    def bar(self, done: int, total: int, words: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Terminal:
    """Lines and the bar at a terminal; the words beside the bar stay until there are others."""

    has_bar = True

    def __init__(self) -> None:
        self._console = Console(file=tolerant(sys.stderr))
        words = TextColumn("{task.description}", markup=False)
        self._bar = RichBar(BarColumn(bar_width=BAR_WIDTH), MofNCompleteColumn(), words, console=self._console)
        self._task = self._bar.add_task("")
        self._started = False

    def line(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    def bar(self, done: int, total: int, words: str) -> None:
        self._bar.update(self._task, completed=done, total=total, description=words or None)
        if not self._started:
            self._started = True
            self._bar.start()

    def close(self) -> None:
        self._bar.stop()


class Notebook:
    """Lines and the bar as one output of the cell, of plain text, written anew each time.

    rich does not do it: in a notebook it needs ipywidgets, and puts each line into an output of its own.
    """

    has_bar = True

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._bar = ""
        self._output: DisplayHandle | None = None

    def line(self, text: str) -> None:
        self._lines.append(text)
        self._write()

    def bar(self, done: int, total: int, words: str) -> None:
        filled = BAR_WIDTH * done // total
        self._bar = f"{'━' * filled}{'─' * (BAR_WIDTH - filled)} {done}/{total} {words}"
        self._write()

    def close(self) -> None:
        self._bar = ""
        self._write()

    def _write(self) -> None:
        from IPython.display import display

        content = {"text/plain": "\n".join([*self._lines, self._bar]).rstrip()}
        if self._output is None:
            self._output = display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._output.update(content, raw=True)  # type: ignore[no-untyped-call]
