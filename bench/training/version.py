"""Version of the training code: that of the harness, and fingerprints of it and of each model.

A finished run is reused for a trial only if the same code would train it again (:mod:`bench.runner.cache_key`). The key
holds the harness's version where the source is as it was last reviewed, else the source's own fingerprint, so that an
edit nobody has reviewed always trains again. ``python -m bench.training.version`` prints what to pin.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from bench.common.fingerprint import DYNAMIC, Pinned, fingerprint, imported_files, matching_files
from bench.common.package import PACKAGE

HARNESS = Pinned(
    fingerprint="15a6c37a56a907b25db2162872784254fdb2270196d8423db99404adb4bed827",
    history=(
        "captured steps on a CPU, CUDA graphs on a GPU; keys by syntax trees, before that by bytes of files",
        "captured only where a model is proved to do nothing but compute; generators of Python and numpy seeded",
    ),
)
"""Pin it anew after an edit that gives the same numbers; add a line to the history after any other."""

HARNESS_FILES = (
    "training/*.py",
    "training/model/*.py",
    "recipes/*.py",
    "records/recipe.py",
    "data/datasets.py",
    "data/held_out.py",
    "data/idx.py",
)
"""Below ``bench``: from the files of a dataset to a finished run. A new file in these folders is included. With them
counts what builds a model by its name, the registry of ``models``."""


def harness_fingerprint(package: Path = PACKAGE) -> str:
    """Hash the syntax trees of everything that shapes the results of training and its times."""
    files = {*matching_files(package, HARNESS_FILES), package.parent / "models" / "registry.py"}
    return fingerprint(files - {package / "training" / "version.py"})


def harness_identity(package: Path = PACKAGE) -> str:
    """Name the harness for a key: its version, or its fingerprint where nobody has reviewed the source yet."""
    return HARNESS.identity(harness_fingerprint(package))


def model_fingerprint(
    source: Path,
    models: Path = PACKAGE.parent / "models",
    others: Iterable[Path] = (),
    packages: Mapping[str, Path] = MappingProxyType({}),
) -> str:
    """Hash the syntax trees of a model's file and of all it imports from the folder ``models`` or from beside it.

    Args:
        others: further files that are part of the model, with what they import.
        packages: folders of further packages that are part of the model as far as they are imported.
    """
    folders, dynamic = {**packages, "models": models}, DYNAMIC | {"create_model", "load_model"}
    registry = {models.resolve() / name for name in ("__init__.py", "registry.py")}
    files = set().union(*(imported_files(file, folders, dynamic, registry) for file in (source, *others)))
    return fingerprint(files)


if __name__ == "__main__":
    print(f"fingerprint of the harness: {harness_fingerprint()}")
