"""Folder of the package, found by its name, so that no module depends on its own path."""

from importlib.resources import files
from pathlib import Path

PACKAGE = Path(str(files("bench"))).resolve()
"""The folder of ``bench``; ``models`` lies beside it, in a checkout as in an installation."""
