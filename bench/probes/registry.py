"""Which probes there are, and in which version. A new one is a file in this folder and a line in ``PROBES``.

A probe's module has a function ``measure(trained: Trained) -> Findings``. This file imports none of them, so that
it can be read without torch. ``python -m bench.probes.registry`` prints what to pin.
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
    "distortion": "63923c85c3c8283a688848b6e756f805d218f893f3ec677317737ff5c4b694d8",
    "calibration": "cb09bfbfd0f8e9c8958830ffcb60548ae86a92ab7e82047a91072a3369888ed1",
    "permutation": "5e0f0f022a24a5d0cff8d7c3e05649d5b7a8236a229a2603722d7b106279c038",
    "blocks": "d221c875da6cfd354e9d026cdaaf0cd255c2fc37676f4c8509b1978b1bd9cc5b",
    "features": "54b1037bef4af508145a85c5d9fc1d42167b6f3fbfcc40ff21425314edf68546",
    "sample_efficiency": "fccfbd6975626d506c006e0afd2e978b24b563ad4ee8db0d0577c28559c54f61",
    "network": "32e4406cfb1ac11d24163de4bc0d15ee0ca7ebfd0dbe95be0ad9c0145a31f98e",
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
