"""Folder of the sockets of worker processes, whose paths the system limits to 108 bytes (104 on macOS)."""

import os
import tempfile
from multiprocessing import util

from bench.common.errors import UserError

LONGEST = 70
"""Bytes of the temporary folder's path: multiprocessing adds ``/pymp-xxxxxxxx/listener-xxxxxxxx`` and a zero."""

SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


def make_socket_folder() -> None:
    """Make this process's folder of sockets, in a short place where TMPDIR is too long; multiprocessing keeps to it.

    Raises:
        UserError: there is no short place.
    """
    before = tempfile.tempdir
    if len(os.fsencode(tempfile.gettempdir())) > LONGEST:
        tempfile.tempdir = _short_folder()
    try:
        util.get_temp_dir()
    finally:
        tempfile.tempdir = before


def _short_folder() -> str:
    for folder in SHORT_FOLDERS:
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise UserError(
        f"TMPDIR is {tempfile.gettempdir()}, too long for the sockets of worker processes, and "
        f"{', '.join(SHORT_FOLDERS)} cannot be written: name a folder of at most {LONGEST} bytes"
    )
