"""Where the package lies, found by its name: no module counts its own parents, so none is wrong after a move."""

from importlib.resources import files
from pathlib import Path

PACKAGE = Path(str(files("bench"))).resolve()
"""The folder of ``bench``; ``models`` lies beside it, in a checkout as in an installation."""
