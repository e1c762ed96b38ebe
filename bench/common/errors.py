"""The one exception whose text is meant for the person at the terminal or the notebook, and how that person is told."""

import contextlib
import difflib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, cast


class UserError(Exception):
    """Something the user can mend. The text is one line: what is wrong, and what would be right. Exit code 2."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in the place of a traceback: IPython asks for it by this name."""
        return [f"error: {self}"]


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not registered, with the nearest known one."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UserError(f"unknown {kind} {name!r}: {hint}known are {', '.join(names)}")


def say(line: str) -> None:
    """One line on standard error. Where it cannot be written (a log on a full disk) the work goes on without it."""
    print(one_line(line), file=tolerant(sys.stderr), flush=True)


class _TolerantStream:
    """A stream to a terminal that may be gone; see :func:`tolerant`."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def tolerant(stream: IO[str]) -> IO[str]:
    """The same stream, but what it cannot write is lost without an error."""
    return cast("IO[str]", _TolerantStream(stream))


def one_line(text: str) -> str:
    """Text from elsewhere as one line that does nothing to a terminal: control characters are spelt out."""
    text = " ".join(text.split())
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def plain(reason: str) -> str:
    """The reason as one short line without this machine's paths."""
    for path, name in ((Path.cwd(), "."), (Path.home(), "~")):
        reason = reason.replace(f"{path}/", f"{name}/")
    return one_line(reason)[:500]
