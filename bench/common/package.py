"""Folder of the package, found by its name, so that no module depends on its own path; and of ``models`` beside it."""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from importlib.resources import files
from pathlib import Path

from bench.common.errors import UserError

PACKAGE = Path(str(files("bench"))).resolve()
"""The folder of ``bench``; ``models`` lies beside it, in a checkout as in an installation."""

MODELS = PACKAGE.parent / "models"


class _OwnModels:
    """Finds our ``models`` where the import path leads to another of that name, as in the folder of a user's project.

    A copy of ours, with more models in it, is taken where the path leads to it.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> ModuleSpec | None:
        if name != "models":
            return None
        spec = PathFinder.find_spec(name)
        if spec is not None and spec.origin is not None and _is_ours(Path(spec.origin).parent):
            return spec
        return importlib.util.spec_from_file_location(name, MODELS / "__init__.py")


def _is_ours(folder: Path) -> bool:
    registry = folder / "registry.py"
    return registry.is_file() and registry.read_bytes() == (MODELS / "registry.py").read_bytes()


def claim_models() -> None:
    """Make ``import models`` mean ours from now on, whatever lies in the current folder or on the import path.

    Raises:
        UserError: another package of that name was imported before.
    """
    if "models" in sys.modules:
        places = [*getattr(sys.modules["models"], "__path__", ()), getattr(sys.modules["models"], "__file__", None)]
        if places[0] is None or not _is_ours(Path(places[0])):
            raise UserError(f"another 'models' was imported before bench, from {places[0]}: import bench first")
    if _OwnModels not in sys.meta_path:
        sys.meta_path.insert(0, _OwnModels)


@contextlib.contextmanager
def same_imports() -> Iterator[None]:
    """Start processes inside that import what this one does, and nothing that merely lies in their current folder."""
    folders = (str(Path(entry).absolute()) for entry in sys.path)  # an empty entry means the current folder
    ours = {"PYTHONPATH": os.pathsep.join(folders), "PYTHONSAFEPATH": "1"}
    before = {name: os.environ.get(name) for name in ours}
    os.environ |= ours
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
