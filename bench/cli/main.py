"""The entry of every command: an exit code, and one line on standard error for what the user can mend."""

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import NoReturn

import typer

from bench.cli.app import app
from bench.common.errors import OutputError, UserError, cause_of, reporting, say

# typer.BadParameter derives from the usage error of whichever click typer brings along.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command; every error the user can mend ends as one line on standard error and exit code 2."""
    given = sys.argv[1:] if arguments is None else arguments
    _open_streams()
    _end_at_an_interrupted_import()
    try:
        with contextlib.redirect_stdout(reporting(sys.stdout)):
            _check_current_folder()
            code = app(args=given or ["--help"], standalone_mode=False)
            sys.stdout.flush()
    except OutputError as error:
        seen_enough = isinstance(error.__cause__, BrokenPipeError)  # whoever reads our output, as head does
        code = _without_output(1 if seen_enough else _fail(str(error)))
    except UserError as error:
        code = _fail(str(error))
    except _USAGE_ERROR as error:
        code = _fail(error.format_message())  # type: ignore[attr-defined]
    except ImportError as error:  # a model's file, or a dependency that is missing
        code = _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except OSError as error:
        code = _fail(_describe(error))
    except SystemExit as end:  # with which click would pass over a closed pipe that is not standard output
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        code = _fail(_describe(end.__context__))
    sys.exit(code if isinstance(code, int) else 0)


def _open_streams() -> None:
    """Open the null device for standard streams that were closed before we started, which Python gives as None.

    Else the next file that is opened would get a stream's number, and workers would write their messages into it.
    """
    with contextlib.suppress(OSError):
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(number, True)
        os.close(number)
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream or Path(os.devnull).open("w") for stream in streams)  # noqa: SIM115


def _end_at_an_interrupted_import() -> None:
    """Have Ctrl-C end the process at once while it imports, and raise ``KeyboardInterrupt`` elsewhere as before.

    Extension modules (numpy's is one) answer an exception inside their import with an error of their own.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, as nohup may have it
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        while frame:
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            frame = frame.f_back
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


def _check_current_folder() -> None:
    """Raise the error for a current folder that was removed, in which torch would end the process when imported."""
    try:
        Path.cwd()
    except OSError as error:
        raise UserError(f"the current folder cannot be used ({cause_of(error)}): change to another one") from error


def _describe(error: OSError) -> str:
    return f"{error.filename}: {cause_of(error)}" if error.filename else cause_of(error)


def _without_output(code: int) -> int:
    """Redirect standard output to where it cannot fail again when Python ends; gives ``code``."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _fail(message: str) -> int:
    say(f"error: {message}")
    return 2
