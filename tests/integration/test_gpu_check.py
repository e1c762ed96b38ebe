"""The check of a GPU, tried on a CPU as far as one goes."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.gpu_check.__main__ import CHECKS, missing_packages
from bench.gpu_check.checks import CHECKS as FUNCTIONS
from tests.conftest import ROOT, Command


def gpu_check(out: Path, data_dir: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "bench.gpu_check", "--out", str(out), *arguments]
    environment = os.environ | {"MNIST_BENCH_DATA": str(data_dir)}
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def checks(out: Path) -> dict[str, dict[str, Any]]:
    return {check["check"]: check for check in json.loads((out / "gpu-check.json").read_text())["checks"]}


def test_every_check_has_its_limit_and_its_function() -> None:
    assert CHECKS.keys() == FUNCTIONS.keys()
    assert missing_packages() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((), "there is no GPU to check: "), (("--device", "cpu", "kernals"), "unknown check 'kernals'")],
)
def test_what_cannot_be_checked_is_one_line(
    arguments: tuple[str, ...], message: str, data_dir: Path, tmp_path: Path
) -> None:
    done = gpu_check(tmp_path / "out", data_dir, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"error: {message}")
    assert not (tmp_path / "out").exists()


def test_doctor_makes_the_check_too(command: Command) -> None:
    done = command("doctor", "--gpu")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: there is no GPU to check: ")


def test_a_python_without_our_packages_is_told_which(tmp_path: Path) -> None:
    line = [sys.executable, "-S", "-m", "bench.gpu_check", "--out", str(tmp_path)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: packages are missing: filelock jinja2 ")
    assert "torch" in done.stderr.split()


@pytest.mark.slow
def test_checks_go_on_after_a_failure_and_leave_no_path_or_name(data_dir: Path, tmp_path: Path) -> None:
    """On a CPU no CUDA graph is taken and no test marked gpu runs; all else of these checks is real."""
    done = gpu_check(tmp_path, data_dir, "--device", "cpu", "tests", "versions", "fork", "repeatability")
    found = checks(tmp_path)
    assert list(found) == ["tests", "versions", "fork", "repeatability"]
    assert [found[name]["holds"] for name in ("versions", "fork", "repeatability")] == [True] * 3, done.stderr
    weights = {finding["name"]: finding["value"].split() for finding in found["repeatability"]["findings"]}
    assert all(first == second for first, second in weights.values())
    assert found["tests"]["findings"]
    text = (tmp_path / "gpu-check.json").read_text() + (tmp_path / "gpu-check.md").read_text()
    assert str(ROOT) not in text
    assert f'"{platform.node()}"' not in text


def test_a_folder_that_cannot_be_written_is_one_line(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = gpu_check(tmp_path / "file" / "out", data_dir, "--device", "cpu", "versions")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: ")


def test_ctrl_c_leaves_no_process(data_dir: Path, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "bench.gpu_check", "--out", str(tmp_path / "out"), "--device", "cpu", "speed"]
    environment = os.environ | {"MNIST_BENCH_DATA": str(data_dir)}
    process = subprocess.Popen(line, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    own = psutil.Process(process.pid)
    started: list[psutil.Process] = []
    while not any("bench.gpu_check.checks" in one.cmdline() for one in started):
        started = own.children(recursive=True)
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert psutil.wait_procs(started, timeout=10)[1] == []


def test_a_check_that_takes_too_long_is_ended_and_the_rest_is_given_up(data_dir: Path, tmp_path: Path) -> None:
    done = gpu_check(tmp_path, data_dir, "--device", "cpu", "--limit", "2", "speed", "quick")
    assert done.returncode == 1
    found = checks(tmp_path)
    assert found["speed"]["reason"] == "not finished after 2 s"
    assert found["quick"]["reason"] == "no time was left for it"
