"""Which probes there are, and in which version. A new one is a file in this folder and a line in ``PROBES``.

A probe's module has a function ``measure(trained: TrainedModel) -> ProbeOutput``. This file imports none of them, so
that it can be read without torch. ``python -m bench.probes.registry`` prints what to pin.
"""

from dataclasses import dataclass
from pathlib import Path

from bench.common.fingerprint import Pinned, fingerprint, imported_files, matching_files
from bench.common.package import PACKAGE


@dataclass(frozen=True)
class Probe:
    """``trains``: it trains something itself, so how many images it may train on decides whether an answer holds.

    ``history`` has a line for each version of what it measures; without one, any edit has the probe asked again.
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
    "distortion": "0663f8d64307ddecaaff4bc46e37d3628c3d5f99e818b5d779ca01f2c66c8719",
    "calibration": "3862d47b25a918c121c5a758655c5115276523ae1bc542fe6af61202ec42405a",
    "permutation": "1b66d7b3718ff26905b7d878c5b1a26b0674c50456149a51dfce857b6b21ffca",
    "blocks": "61cdcf1dd81b86c974779d8ece24dace9daac4d428249b8eb79e7183831f5920",
    "features": "2404da77aedf4f667015da27bfa6c9e22962f1c8b30bb1cf539aa3c7c5bd7fc8",
    "sample_efficiency": "10c27bd52a5c85709087a69cd08542359673d83abac354b6f2c86a968adce2bf",
    "network": "d6e226c5a7726df1baedb9e6363ee42889d338c7d2ba91b8a66647b8683a165c",
}
"""Of each probe's source as it was last judged; see :class:`bench.common.fingerprint.Pinned`."""

SHARED_FILES = ("probes/execute.py",)
"""Shapes the answers of every probe, though none imports it."""

ANSWERING = ("probes", "data/corruptions", "records/network_export.py")
"""Where the files lie that shape answers, below ``bench``; the harness has an identity of its own in a probe's key."""


def probe_identity(name: str, package: Path = PACKAGE) -> str:
    """Name a probe for a key: its version, or the fingerprint of its source where nobody has judged that yet."""
    pinned = Pinned(FINGERPRINTS.get(name, ""), PROBES[name].history)
    return pinned.identity(probe_fingerprint(name, package))


def probe_fingerprint(name: str, package: Path = PACKAGE) -> str:
    """Hash the syntax trees of a probe and of what it imports from the folders that shape answers.

    Raises:
        FileNotFoundError: one of those is not there.
    """
    roots = [package / part for part in ANSWERING]
    for root in roots:
        root.stat()  # one that was moved would drop out of the fingerprint unseen
    imported = imported_files(package / "probes" / f"{name}.py", {"bench": package})
    answering = {path for path in imported if any(path.is_relative_to(root) for root in roots)}
    return fingerprint(answering.union(matching_files(package, SHARED_FILES)))


if __name__ == "__main__":
    for probe in PROBES:
        print(f"{probe}: {probe_fingerprint(probe)}")
