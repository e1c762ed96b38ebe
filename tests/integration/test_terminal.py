"""What a person at a real terminal sees: colour unless NO_COLOR, a bar that ends, 80 columns."""

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from pathlib import Path

import psutil
import pytest

from bench.records.storage import load_runs
from tests.support.small_runs import UNTIMED

COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3[1-7]|38|9[0-7])[;\d]*m")
RUN = (*UNTIMED, "--models", "softmax", "--epochs", "1", "--probes", "none")


def at_a_terminal(folder: Path, environment: dict[str, str]) -> bytes:
    """Everything a run writes when both its outputs are a terminal of 80 columns."""
    ours, tty = pty.openpty()
    line, settings = [sys.executable, "-m", "bench", *RUN], {"TERM": "xterm-256color", "COLUMNS": "80"}
    process = subprocess.Popen(line, cwd=folder, env=environment | settings, stdin=tty, stdout=tty, stderr=tty)
    os.close(tty)
    written = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return written


@pytest.mark.slow
def test_a_terminal_gets_colour_unless_it_is_not_wanted(tmp_path: Path, environment: dict[str, str]) -> None:
    environment = {name: value for name, value in environment.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    first = tmp_path / "first"
    first.mkdir()
    coloured = at_a_terminal(first, environment)
    assert COLOUR.search(coloured)
    plain = at_a_terminal(tmp_path, environment | {"NO_COLOR": "1"})
    assert not COLOUR.search(plain)
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", plain).decode()
    assert "softmax" in text
    assert text.rstrip().endswith("report: results/report.html")
    assert max(len(line.rpartition("\r")[2]) for line in text.replace("\r\n", "\n").splitlines()) <= 80


@pytest.mark.slow
def test_a_terminal_that_is_closed_leaves_a_record_and_a_report(tmp_path: Path, environment: dict[str, str]) -> None:
    ours, tty = pty.openpty()
    line = [sys.executable, "-m", "bench", *RUN, "--models", "softmax,mlp", "--epochs", "60"]

    def own_the_terminal() -> None:
        fcntl.ioctl(tty, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        line,
        cwd=tmp_path,
        env=environment | {"TERM": "xterm-256color", "COLUMNS": "80"},
        stdin=tty,
        stdout=tty,
        stderr=tty,
        start_new_session=True,
        preexec_fn=own_the_terminal,
    )
    os.close(tty)
    written = b""
    while b"mlp seed 0 epoch 2/60" not in written:
        written += os.read(ours, 4096)
    started = psutil.Process(process.pid).children(recursive=True)
    os.close(ours)  # as when the window is closed: the system sends SIGHUP, and nothing can be written any more
    assert process.wait(timeout=60) == 128 + signal.SIGHUP
    runs, _ = load_runs(tmp_path / "results")
    assert [(run.trial.model, run.status, run.error) for run in runs] == [
        ("softmax", "done", None),
        ("mlp", "interrupted", "stopped by SIGHUP"),
    ]
    assert "| softmax" in (tmp_path / "results" / "README.md").read_text()
    assert psutil.wait_procs(started, timeout=10)[1] == []
