"""Read untrusted files: no code runs, no path leads outside the folder, at most 64 MiB.

Nor is anything written outside the folder by a link that came with them.
"""

import errno
import io
import json
import os
import stat
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np

MAX_BYTES = 64 * 2**20
"""Limit for a file, and for its arrays when they are unpacked: far above any of ours, far below a machine's memory."""


class UntrustedFileError(ValueError):
    """An invalid file; the message gives the reason in a few words."""


def read_inside(folder: Path, path: Path) -> bytes:
    """Read a file below ``folder``.

    Raises:
        UntrustedFileError: it is too large, or see :func:`check_inside`.
        OSError: it cannot be read.
    """
    check_inside(folder, path)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise UntrustedFileError(f"{path.name} has {size:,} bytes; at most {MAX_BYTES:,} are read")
    return path.read_bytes()


def check_inside(folder: Path, path: Path) -> None:
    """Check that a file is a regular one inside ``folder``.

    Raises:
        UntrustedFileError: the file lies elsewhere (a link leads out), or is a pipe or a folder.
        OSError: it cannot be read.
    """
    if leads_out(folder, path):
        raise UntrustedFileError(f"{path.name} is a link that leads out of the folder")
    if not stat.S_ISREG(path.stat().st_mode):
        raise UntrustedFileError(f"{path.name} is no regular file")


def make_folder(root: Path, folder: Path) -> None:
    """Create ``folder``, which is ``root`` or below it, if it does not exist.

    Raises:
        OSError: it cannot be made, or a link leads out of ``root`` on the way.
    """
    if leads_out(root, folder):
        raise OSError(errno.EPERM, f"{folder.relative_to(root)} is a link that leads out of the folder", str(folder))
    folder.mkdir(parents=True, exist_ok=True)


def leads_out(folder: Path, path: Path) -> bool:
    """Tell whether a link on the way leads ``path`` out of ``folder``, which may itself be a link."""
    # Path.resolve raises RuntimeError where links run in a circle; opening the file then says so in better words
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def parse_json(content: bytes) -> Any:
    """Parse JSON.

    Raises:
        UntrustedFileError: it is not JSON, is nested too deeply, or gives one name two values.
    """
    try:
        return json.loads(content, object_pairs_hook=_named_once)
    except UntrustedFileError:
        raise
    except RecursionError:
        raise UntrustedFileError("nested too deeply") from None
    except ValueError as error:
        raise UntrustedFileError(f"invalid JSON: {error}") from error


def read_arrays(folder: Path, path: Path, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Read the named arrays, or all of them, from an npz file below ``folder``.

    Raises:
        UntrustedFileError: it is not one, or lacks one of them, or see :func:`read_inside`.
        OSError: it cannot be read.
    """
    content = read_inside(folder, path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            wanted = {name: members[name] for name in (members if names is None else names)}
            unpacked = sum(member.file_size for member in wanted.values())
            if unpacked > MAX_BYTES:
                raise UntrustedFileError(f"{path.name} unpacks to {unpacked:,} bytes")
            return {name: _array(archive, member) for name, member in wanted.items()}
    except UntrustedFileError:
        raise
    except Exception as error:  # zipfile and numpy raise what they meet: of a dozen kinds, none of them documented
        raise UntrustedFileError(f"no arrays ({type(error).__name__})") from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """Read an array after checking that its header does not promise more data than there is."""
    content = io.BytesIO(archive.read(member))
    version = np.lib.format.read_magic(content)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(content)
    if int(np.prod(shape, dtype=object)) * dtype.itemsize > member.file_size:
        raise UntrustedFileError(f"{member.filename} is shorter than it says")
    content.seek(0)
    return np.asarray(np.lib.format.read_array(content, allow_pickle=False))


def _named_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise UntrustedFileError(f"{name!r} is there twice")
        values[name] = value
    return values
