"""What a module that moves could break without a word."""

import importlib.util
import subprocess

from bench.common.package import PACKAGE
from bench.runner.environment import read_git
from bench.runner.local_executor import PRELOADED
from tests.conftest import ROOT


def test_the_checkout_is_found_wherever_the_modules_lie() -> None:
    """A wrong folder is no error: records would say ``commit: null``."""
    assert PACKAGE == ROOT / "bench"
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert read_git().commit == (head.stdout.strip() or None)


def test_what_the_fork_server_preloads_exists() -> None:
    """It passes over a module that it cannot import, and every worker then waits for torch."""
    assert [name for name in PRELOADED if importlib.util.find_spec(name) is None] == []
