"""The report in a process of its own."""

import os
import subprocess
import sys

from tests.conftest import ROOT


def test_the_notebooks_backend_stays() -> None:
    """In a process of its own, where none has been chosen yet."""
    code = "import matplotlib, bench.report; print(matplotlib.get_backend())"
    environment = os.environ | {"MPLBACKEND": "pdf"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.split() == [b"pdf"]
