"""Download a dataset's files with pooch, from the first of its mirrors that has them, with a progress bar.

Imported only when something has to be downloaded.
"""

import contextlib
import re
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import pooch

from bench.common.atomic import write_atomically
from bench.common.errors import one_line
from bench.data.files import right_content
from bench.data.registry import DatasetFiles

ANSWER_S = 10
"""Seconds in which a mirror must answer, the look-up of its name included."""
STALLED_S = 30
"""Seconds without a byte after which a download is given up."""

UNFINISHED = ".download-"
"""Begins the name of the folder that is downloaded into. Callers hold a lock, so one that is there already is of a call
that was killed."""


class DownloadError(Exception):
    """Download incomplete; the message gives the reason in one line."""


def download(dataset: DatasetFiles, raw: Path, files: Sequence[str]) -> None:
    """Put ``files`` of ``dataset`` into the folder ``raw``: each downloaded elsewhere, checked, and moved there whole.

    Raises:
        DownloadError: no mirror answers, the connection breaks, or what comes is not what it should be.
        OSError: the folder cannot be written.
    """
    for left in raw.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
    mirrors = [mirror for mirror in dataset.mirrors if _answers(mirror)]
    with tempfile.TemporaryDirectory(dir=raw, prefix=UNFINISHED) as folder:
        for file in files:
            urls = [f"{mirror}{file}.gz" for mirror in mirrors]
            write_atomically(raw / file, _first_intact(urls, dataset.sha256[file], Path(folder) / file))


def _answers(mirror: str) -> bool:
    """Tell whether a mirror answers in time; a refusal counts, as the download will report it."""

    def request() -> None:
        with contextlib.suppress(OSError, ValueError):
            pooch.HTTPDownloader(timeout=2 * ANSWER_S)(mirror, None, None, check_only=True)

    # Neither looking up a name nor trying all its addresses has a timeout, so a thread does it that is waited for.
    thread = threading.Thread(target=request, daemon=True)
    thread.start()
    thread.join(ANSWER_S)
    return not thread.is_alive()


def _first_intact(urls: Sequence[str], sha256: str, path: Path) -> bytes:
    """Download a file to ``path`` from the first URL that has it intact, and return its content."""
    reason = f"no answer within {ANSWER_S} s"
    for url in urls:
        try:
            pooch.HTTPDownloader(progressbar=True, timeout=(ANSWER_S, STALLED_S))(url, path, None)
        except (OSError, ValueError) as error:  # what requests raises is one of them
            reason = _system_message(error)
            continue
        content = right_content(path, sha256)
        if content is not None:
            return content
        reason = f"{url} is damaged"
    raise DownloadError(reason)


def _system_message(error: Exception) -> str:
    """Message of the system, such as ``Connection refused``, if there is one; else the error's text in one line."""
    message = re.search(r"\[Errno -?\d+\] ([\w ,]+)", str(error))
    return message[1] if message else one_line(str(error)) or type(error).__name__
