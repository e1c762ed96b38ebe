"""Registry of the probes and their versions. A new one is a file in this folder and a line in ``PROBES``.

A probe's module has a function ``measure(trained: TrainedModel) -> ProbeOutput``. This file imports none of them, so
that it can be read without torch. ``python -m bench.probes.registry`` prints what to pin.
"""

from dataclasses import dataclass
from pathlib import Path

from bench.common.fingerprint import Pinned, fingerprint, imported_files, matching_files
from bench.common.package import PACKAGE


@dataclass(frozen=True)
class Cost:
    """What a probe takes, about, for estimates of the time that is left, until one has been seen.

    ``trainings`` counts whole trainings of the model on the images that the probe may train on, ``evaluations`` passes
    over its test images, ``seconds`` what it takes beside them on all of MNIST.
    """

    trainings: float = 0.0
    evaluations: float = 1.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Probe:
    """A probe; if it ``trains`` something itself, its result depends on how many images it may train on.

    ``history`` has a line for each version of what it measures; without one, the probe runs again after any edit.
    """

    trains: bool = False
    history: tuple[str, ...] = ()
    cost: Cost = Cost()


PROBES = {
    "distortion": Probe(history=("the corruptions of MNIST-C and four curves",), cost=Cost(evaluations=47, seconds=5)),
    "calibration": Probe(history=("fifteen bins of equal width",)),
    "permutation": Probe(trains=True, history=("one fixed permutation, trained again",), cost=Cost(trainings=1)),
    "blocks": Probe(trains=True, history=("blocks of 14, 7, 4 and 2 pixels",), cost=Cost(trainings=4)),
    "features": Probe(
        trains=True, history=("one head on frozen features, pixels and HOG",), cost=Cost(evaluations=14, seconds=20)
    ),
    "sample_efficiency": Probe(
        trains=True, history=("nested subsets, a fixed number of steps",), cost=Cost(trainings=5.5)
    ),
    "network": Probe(history=("layers with weights in half precision",), cost=Cost(seconds=1)),
}
"""By the name of the module in this folder."""

FINGERPRINTS = {
    "distortion": "4ea47859bb9a0a487a246e655bcb065dc8bb3b053e8e578d9a14c7520dececf9",
    "calibration": "b85d2004ac90bd72851f628a01961717af41bcd5b2955a729fc2f1c27093fabf",
    "permutation": "22ac4608515f68cc8bd2087357b0d0b56e2ab9c59616f64ed90b5a01221089fe",
    "blocks": "d751401e0d9ffd78635f32aed2cd71db378bac7a3dc197894b1df6dc31ad22f8",
    "features": "45c01108792902fbbc722f9f0f69ea2fd0086a0ec6d01ee2d4056be0d9142591",
    "sample_efficiency": "be72a74956ccc32a6b2196c0d3c5551c0c4249068ba0a21359ae118b3d71b6ba",
    "network": "9ed0e8ca2d08ee70f7e05ed53cb1895e7c7372580102a8b1e76da0fa4d0be3f5",
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
