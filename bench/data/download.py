"""A dataset's files from the network, by pooch: from the first of its mirrors that has them, with a progress bar.

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
    """Not everything was downloaded; the text says why, in one line."""


def download(dataset: DatasetFiles, raw: Path, files: Sequence[str]) -> None:
    """Put ``files`` of ``dataset`` into the folder ``raw``: each downloaded elsewhere, checked, and moved there whole.

    Raises:
        NotDownloaded: no mirror answers, the connection breaks, or what comes is not what it should be.
        OSError: the folder cannot be written.
    """
    for left in raw.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
    mirrors = [mirror for mirror in dataset.mirrors if _answers(mirror)]
    with tempfile.TemporaryDirectory(dir=raw, prefix=UNFINISHED) as folder:
        for file in files:
            urls = [f"{mirror}{file}.gz" for mirror in mirrors]
            write_atomically(raw / file, _first_right(urls, dataset.sha256[file], Path(folder) / file))


def _answers(mirror: str) -> bool:
    """False where nothing came in time; whatever a server answers will do, and a refusal is told by the download."""

    def ask() -> None:
        with contextlib.suppress(OSError, ValueError):
            pooch.HTTPDownloader(timeout=2 * ANSWER_S)(mirror, None, None, check_only=True)

    # Neither looking up a name nor trying all its addresses has a timeout, so a thread does it that is waited for.
    asked = threading.Thread(target=ask, daemon=True)
    asked.start()
    asked.join(ANSWER_S)
    return not asked.is_alive()


def _first_right(urls: Sequence[str], sha256: str, path: Path) -> bytes:
    """The file from the first place that has it as it should be; ``path`` is where it is downloaded to."""
    reason = f"no answer within {ANSWER_S} s"
    for url in urls:
        try:
            pooch.HTTPDownloader(progressbar=True, timeout=(ANSWER_S, STALLED_S))(url, path, None)
        except (OSError, ValueError) as error:  # what requests raises is one of them
            reason = _in_its_own_words(error)
            continue
        content = right_content(path, sha256)
        if content is not None:
            return content
        reason = f"{url} is damaged"
    raise DownloadError(reason)


def _in_its_own_words(error: Exception) -> str:
    """``Connection refused``, if the system said so; else all that requests says around it."""
    said = re.search(r"\[Errno -?\d+\] ([\w ,]+)", str(error))
    return said[1] if said else str(error)
