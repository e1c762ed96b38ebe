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
    "distortion": "831a8d7d2d66d7a2661553c3a38b256cdf73aa73eee3a89d1e0f1dd24e451645",
    "calibration": "a95d678bd05fbeb0af928343dc844cba022c6416dadfaae4f757c4a35d3031ed",
    "permutation": "5e209e3579f1bf560f1fcc9e3400a096e710dc34b4b733b243eb3d981a05b03b",
    "blocks": "ddde85728c5e1a275dcf83a04834a90c01dbf690914d8e5d15c5511554654fe0",
    "features": "8f6ed642a152e1244d3af5af50d46fe59c4cb80cc398ca9cfdca0ea2b90e04ce",
    "sample_efficiency": "6e81b3d0c20ec3828df4d3b8a5f9ca13d0721cbb19d47a3f4256a1969afa3ad3",
    "network": "752a73220f9027c368f0ae427cee484341db6465b4330de269e88b63001a56a6",
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
