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
    "distortion": "fca1eeaec1a2a69342cb0b360701f884be66275fc0264d9030eb56654b1b204f",
    "calibration": "c0348342dd9c94b4c752f35c75387fb9e525cfcf3836d8018c224fcd66658a3f",
    "permutation": "2e7c891fa4446980d4395022b7fcaee3bbd68bd6d487613ea274c4cab19f1233",
    "blocks": "8cd0bedf49d004a51a0a8d4a0baccbe7e7f140eb4b6607e91507bba737b187f4",
    "features": "143e019994d45692e58715c50bbfb2b30f098d5f41ce67ad412057c68101b0fd",
    "sample_efficiency": "1a23a1090f038ec592bc182d3fb678fdbcd3d9db152bbd1f84783372cc11b534",
    "network": "6d2e93ee940ce6ee9fb41ebc9e1776e6864a7b4635e5077e0c2bdc10fea543c9",
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
