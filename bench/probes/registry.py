"""Registry of the probes and their versions. A new one is a file in this folder and a line in ``PROBES``.

A probe's module has a function ``measure(trained: TrainedModel) -> ProbeOutput``. This file imports none of them, so
that it can be read without torch. ``python -m bench.probes.registry`` prints what to pin.
"""

from dataclasses import dataclass
from pathlib import Path

from bench.common.fingerprint import Pinned, fingerprint, imported_files, matching_files
from bench.common.package import PACKAGE


@dataclass(frozen=True)
class Probe:
    """A probe; if it ``trains`` something itself, its result depends on how many images it may train on.

    ``history`` has a line for each version of what it measures; without one, the probe runs again after any edit.
    """

    trains: bool = False
    history: tuple[str, ...] = ()


PROBES = {
    "distortion": Probe(history=("the corruptions of MNIST-C and four curves",)),
    "calibration": Probe(history=("fifteen bins of equal width",)),
    "permutation": Probe(trains=True, history=("one fixed permutation, trained again",)),
    "blocks": Probe(trains=True, history=("blocks of 14, 7, 4 and 2 pixels",)),
    "features": Probe(trains=True, history=("one head on frozen features, pixels and HOG",)),
    "sample_efficiency": Probe(trains=True, history=("nested subsets, a fixed number of steps",)),
    "network": Probe(history=("layers with weights in half precision",)),
}
"""By the name of the module in this folder."""

FINGERPRINTS = {
    "distortion": "ebcbe12176a13cc50ec56e050d89e4581efed90062d78b7377952c70fea4dbca",
    "calibration": "2cbf933c7a8af314dde6df9dc7dd9d8f7ccac0d5f0124bcb6229631f3d998816",
    "permutation": "fb61719b6b6b58e4d7767563b04e8140f56bdb6918c8999d1ea8abba7e8c130e",
    "blocks": "9edfff832461464f9328e640f697ed1ae33f3dd842a5c817302c710d43d3ee09",
    "features": "474675a681a2f90801bd459af79eaf4bc8ca220b520c33c01b9c8b5308e051be",
    "sample_efficiency": "1e5f6d90260efbc49aead662d7c53f4d05b1bff61aba73c3ebdf77c6ff644646",
    "network": "c745b9365f74dc4e64da62b8dfb0db004d6be9eca338bc6e8f1dcfdc98ae4002",
}
"""Fingerprint of each probe's source as last reviewed; see :class:`bench.common.fingerprint.Pinned`."""

SHARED_FILES = ("probes/execute.py",)
"""Files that shape the results of every probe, though none imports them."""

SOURCE_FOLDERS = ("probes", "data/corruptions", "records/network_export.py")
"""Locations below ``bench`` of the files that shape results; the harness has its own identity in a probe's key."""


def probe_identity(name: str, package: Path = PACKAGE) -> str:
    """Name a probe for a key: its version, or the fingerprint of its source where nobody has reviewed it yet."""
    pinned = Pinned(FINGERPRINTS.get(name, ""), PROBES[name].history)
    return pinned.identity(probe_fingerprint(name, package))


def probe_fingerprint(name: str, package: Path = PACKAGE) -> str:
    """Hash the syntax trees of a probe and of what it imports from the folders that shape results.

    Raises:
        FileNotFoundError: one of those is not there.
    """
    roots = [package / part for part in SOURCE_FOLDERS]
    for root in roots:
        root.stat()  # one that was moved would drop out of the fingerprint unseen
    imported = imported_files(package / "probes" / f"{name}.py", {"bench": package})
    sources = {path for path in imported if any(path.is_relative_to(root) for root in roots)}
    return fingerprint(sources.union(matching_files(package, SHARED_FILES)))


if __name__ == "__main__":
    for probe in PROBES:
        print(f"{probe}: {probe_fingerprint(probe)}")
