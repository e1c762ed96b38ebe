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
    "distortion": "e8de80c1bb104a2f12e359a9a1f0a1715b5feb517268b2c10e4a68bfdbd948d8",
    "calibration": "3d5d4df6b1f562e641f075c04e13fef0ae6b63db3521efe477eed294516ce23a",
    "permutation": "f909c81884df0f4861f3910d48c15e6b1b7a0c1b7cd60b21ff127a48cbb62242",
    "blocks": "7a170a14e920a01f7764b32af41973676efaedbf5a7eeb2e1d7caaae360c16ac",
    "features": "0735ffdef7453e383fd5b93d9f0e3f73a8c786df9a71f0598bdd6f06b93a336e",
    "sample_efficiency": "f8e9b1e83a09d9c825de22a571706629c5243a4e97f31b82476913678ba32c1f",
    "network": "654483b149353a003a9690dc9408c75a4e2d29f2bf515b4b786f05a0db0fa322",
}
"""Fingerprint of each probe's source as last reviewed; see :class:`bench.common.fingerprint.Pinned`."""

SHARED_FILES = ("probes/execute.py", "probes/rebuild.py")
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
    # strict: one that was moved would drop out of the fingerprint unseen
    roots = [(package / part).resolve(strict=True) for part in SOURCE_FOLDERS]
    imported = imported_files(package / "probes" / f"{name}.py", {"bench": package})
    sources = {path for path in imported if any(path.is_relative_to(root) for root in roots)}
    return fingerprint(sources.union(matching_files(package, SHARED_FILES)))


if __name__ == "__main__":
    for probe in PROBES:
        print(f"{probe}: {probe_fingerprint(probe)}")
