"""Errors meant for the user, and the writing of lines to the terminal."""

import contextlib
import difflib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, cast


class UserError(Exception):
    """An error the user can mend. The text is one line: what is wrong, and what would be right. Exit code 2."""

    def _render_traceback_(self) -> list[str]:
        """Lines a notebook shows in place of a traceback: IPython calls this method by its name."""
        return [f"error: {self}"]


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Build the error for a name that is not registered, with the nearest known one."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UserError(f"unknown {kind} {name!r}: {hint}known are {', '.join(names)}")


def cause_of(error: OSError) -> str:
    """The system's message, such as ``Permission denied``; where there is none the error's text, or its kind."""
    return error.strerror or str(error) or type(error).__name__


def say(line: str) -> None:
    """Write one line to standard error. Where that fails (a log on a full disk) the work goes on without it."""
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
    """Wrap a stream so that what it cannot write is lost without an error."""
    return cast("IO[str]", _TolerantStream(stream))


class OutputError(Exception):
    """Standard output cannot be written; the message says why in one line."""


class _ReportingStream(_TolerantStream):
    """Standard output whose errors can be told from those of files; see :func:`reporting`."""

    def write(self, text: str) -> int:
        with _reported():
            return self._stream.write(text)

    def flush(self) -> None:
        with _reported():
            self._stream.flush()


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {cause_of(error)}") from error


def reporting(stream: IO[str]) -> IO[str]:
    """Wrap standard output so that it raises :class:`OutputError` where it cannot be written."""
    return cast("IO[str]", _ReportingStream(stream))


def one_line(text: str) -> str:
    """Turn untrusted text into one line that is safe in a terminal: control characters are spelt out."""
    text = " ".join(text.split())
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def plain(reason: str) -> str:
    """Shorten a reason to one line without this machine's paths."""
    for find, name in ((Path.cwd, "."), (Path.home, "~")):
        with contextlib.suppress(OSError, RuntimeError):  # the working folder was removed, or there is no home
            reason = reason.replace(f"{find()}/", f"{name}/")
    return one_line(reason)[:500]
