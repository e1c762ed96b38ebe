"""Which code trains: the version of the harness, and fingerprints of it and of each model.

A finished run answers for a trial only if the same code would train it again (:mod:`bench.runner.cache_key`). The key
holds the harness's version where the source is as it was last judged, else the source's own fingerprint, so that an
edit nobody has judged always trains again. ``python -m bench.training.version`` prints what to pin.
"""

from pathlib import Path

from bench.common.fingerprint import DYNAMIC, Pinned, fingerprint, imported_files, matching_files
from bench.common.package import PACKAGE

HARNESS = Pinned(
    fingerprint="8ba12ae39d120b008e707ab64c789edf0b2bac94dec6bb67e24d527ec5d1fe08",
    history=("captured steps on a CPU, CUDA graphs on a GPU; keys by syntax trees, before that by bytes of files",),
)
"""Pin it anew after an edit that gives the same numbers; add a line to the history after any other."""

HARNESS_FILES = ("training/*.py", "recipes/*.py", "data/datasets.py", "data/idx.py")
"""Below ``bench``: from the files of a dataset to a finished run. A new file in these folders counts unasked."""


def harness_fingerprint(package: Path = PACKAGE) -> str:
    """Hash the syntax trees of everything that shapes what training gives and what its clocks say."""
    here = package / "training" / "version.py"
    return fingerprint(path for path in matching_files(package, HARNESS_FILES) if path != here)


def harness_identity(package: Path = PACKAGE) -> str:
    """Name the harness for a key: its version, or its fingerprint where nobody has judged the source yet."""
    return HARNESS.identity(harness_fingerprint(package))


def model_fingerprint(source: Path, models: Path = PACKAGE.parent / "models") -> str:
    """Hash the syntax trees of a model's file and of all it imports from the folder ``models`` or from beside it."""
    files = imported_files(source, {"models": models}, DYNAMIC | {"create_model"})
    return fingerprint(path for path in files if path.name not in ("__init__.py", "registry.py"))


if __name__ == "__main__":
    print(f"fingerprint of the harness: {harness_fingerprint()}")
