"""A dataset from the network, by torchvision's class of it: its mirrors, its md5 sums, its progress bar.

Imported only when something has to be downloaded: torchvision takes 1.5 s to import.
"""

import contextlib
import http.client
import queue
import shutil
import socket
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import torchvision

from bench.atomic import write_atomically
from bench.catalogue import DatasetFiles
from bench.dataset_files import problem_with

ANSWER_S = 10
"""Seconds in which one of the mirrors must answer, the look-up of its name included."""
STALLED_S = 30
"""Seconds without a byte after which a download is given up."""


UNFINISHED = ".download-"
"""Begins the name of the folder that is downloaded into. Callers hold a lock, so one that is there already is of a call
that was killed."""


class NotDownloaded(Exception):
    """Nothing was downloaded; the text says why, in one line."""


def download(dataset: DatasetFiles, raw: Path, files: Sequence[str]) -> None:
    """Put ``files`` of ``dataset`` into the folder ``raw``: downloaded elsewhere, checked, and moved there whole.

    Raises:
        NotDownloaded: no mirror answers, the connection breaks, or what comes is not what it should be.
        OSError: the folder cannot be written.
    """
    source = getattr(torchvision.datasets, dataset.torchvision_class)
    _check_reachable(source.mirrors)
    for left in raw.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=raw, prefix=UNFINISHED) as folder:
        with _no_longer_than(STALLED_S):
            try:
                source(folder, download=True)
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                raise NotDownloaded(_last_line(error)) from error
        for file in files:
            path = Path(folder) / dataset.torchvision_class / "raw" / file
            problem = problem_with(path, dataset.sha256[file])
            if problem:
                raise NotDownloaded(f"{file} came {problem}")
            write_atomically(raw / file, path.read_bytes())


def _check_reachable(mirrors: Sequence[str]) -> None:
    """Ask all of them at once; whatever a server answers will do."""
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    for mirror in mirrors:
        # Looking up a name has no timeout of its own, so a thread does it that nobody waits for longer.
        threading.Thread(target=lambda url=mirror: answers.put(_problem_with(url)), daemon=True).start()
    reason = f"no answer within {ANSWER_S} s"
    with contextlib.suppress(queue.Empty):
        for _ in mirrors:
            reason = answers.get(timeout=ANSWER_S)
            if not reason:
                return
    raise NotDownloaded(reason)


def _problem_with(url: str) -> str:
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=ANSWER_S).close()
    except urllib.error.HTTPError:
        return ""
    except urllib.error.URLError as error:
        return str(getattr(error.reason, "strerror", None) or error.reason)
    except (OSError, http.client.HTTPException) as error:
        return _last_line(error)
    return ""


@contextlib.contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    """Sockets that are opened in the body give up after so many seconds without a byte."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
