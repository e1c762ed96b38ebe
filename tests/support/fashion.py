"""Fashion-MNIST for tests: Debian's files, and a server that has them as they were published."""

import contextlib
import functools
import struct
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bench.data import files
from bench.data.registry import DATASETS

FASHION = DATASETS["fashion-mnist"]
DEBIAN = files.SYSTEM / FASHION.name
PACKED_AT = {"train": 1504176606, "t10k": 1504176627}
"""Seconds since 1970, as in the published files' headers: 31 August 2017. Found by trying all of that month against
the published md5 sums; Debian has packed the same content again without a name, at another time."""

needs_debians_files = pytest.mark.skipif(
    not DEBIAN.is_dir(), reason=f"needs Debian's package {FASHION.debian_package}: make test-slow installs it as root"
)


def as_published(file: str) -> bytes:
    """The gzip file that md5 sums were published of: Debian's compressed content with the name and time it had."""
    packed = (DEBIAN / f"{file}.gz").read_bytes()
    header = b"\x1f\x8b\x08\x08" + struct.pack("<I", PACKED_AT[file.partition("-")[0]]) + b"\0\x03"
    return header + file.encode() + b"\0" + packed[10:]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Tests print nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up early is none of a test's business."""


@contextlib.contextmanager
def served(folder: Path, handler: type[Quiet] = Quiet) -> Iterator[str]:
    """The address at which a server of this machine has the files of ``folder``."""
    server = _Server(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
