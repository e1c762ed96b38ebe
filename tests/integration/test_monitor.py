"""What is seen around a trial, with real processes."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from bench.runner.monitor import monitor

pytestmark = pytest.mark.alone

BUSY = "import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass"


def test_own_work_and_that_of_own_children_is_not_anothers() -> None:
    finish = monitor("cpu")
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    share = finish().other_cpu_share
    assert share is not None
    assert share < 0.3  # the busy child alone is at least one core of two


@pytest.fixture
def stranger() -> Iterator[None]:
    """A busy program that is not ours: its parent ends and leaves it to the system."""
    code = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {BUSY.replace('1.5', '6')!r}])"
    subprocess.run([sys.executable, "-c", code], check=True)
    yield
    time.sleep(0.1)


@pytest.mark.usefixtures("stranger")
def test_another_program_is_seen() -> None:
    time.sleep(0.5)
    finish = monitor("cpu")
    time.sleep(2)
    share = finish().other_cpu_share
    assert share is not None
    assert share > 0.5 / psutil_count()


def psutil_count() -> int:
    import psutil

    return psutil.cpu_count() or 1
