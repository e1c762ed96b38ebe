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

    One that ``shuffles`` the images is not run where the recipe shifts or turns them, which means nothing in such ones.

    ``history`` has a line for each version of what it measures; without one, the probe runs again after any edit.
    """

    trains: bool = False
    shuffles: bool = False
    history: tuple[str, ...] = ()
    cost: Cost = Cost()


PROBES = {
    "distortion": Probe(history=("the corruptions of MNIST-C and four curves",), cost=Cost(evaluations=47, seconds=5)),
    "calibration": Probe(history=("fifteen bins of equal width",)),
    "permutation": Probe(
        trains=True, shuffles=True, history=("one fixed permutation, trained again",), cost=Cost(trainings=1)
    ),
    "blocks": Probe(trains=True, shuffles=True, history=("blocks of 14, 7, 4 and 2 pixels",), cost=Cost(trainings=4)),
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
    "distortion": "0fe4388bac045481ad94be843788edf3457f12099a6208f0f3006e038ae9dc98",
    "calibration": "d1132ec4a8f0fde9d49129623a4c92678f9c9889e0879ec49097d969f4b04df7",
    "permutation": "8f31b582820776c0873b44f1547ae87be725dbb5931f4c3468ff5185893689dd",
    "blocks": "179087d380dbb05b3e5c98f766be07cdff3ef2389b7f61101a20d0942f55005f",
    "features": "484e736d405ba9d6c5d86606f95ffc895709cd49b380a4815ceb5b5faa23207d",
    "sample_efficiency": "350a651aa7c63a4e6ace486692e5327363ed9b9b6bc4dba29f0f87f1a03f346f",
    "network": "33bdd2496f6dd94061ad39c13d24e1d603674362710b9aa1af4fea2b4827f9b4",
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
