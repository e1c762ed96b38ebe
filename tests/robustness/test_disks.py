"""Results on disks that are full, foreign, read-only or gone."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.support.processes import start, wait_for
from tests.support.small_runs import QUICK, every, records_of, trials_of

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1.5 MB: the records of softmax fit, those of the MLP or the report do not."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_keeps_what_is_there_and_the_run_goes_on_elsewhere(
    command: Command, small_disk: Path, tmp_path: Path
) -> None:
    arguments = (*QUICK, "--seeds", "2", "--probes", "none")
    done = command(*arguments, "--results", small_disk / "results")
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "No space left on device" in errors[0]
    kept = records_of(small_disk / "results")
    assert kept, "softmax was done before"
    shutil.copytree(small_disk / "results", tmp_path / "elsewhere")
    assert command(*arguments, "--results", tmp_path / "elsewhere").returncode == 0
    assert trials_of(tmp_path / "elsewhere") == every("done", 2)
    assert kept.items() <= records_of(tmp_path / "elsewhere").items()


def test_results_on_another_file_system(command: Command, tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system")
    folder = memory / f"mnist-bench-{os.getpid()}"
    try:
        assert command(*QUICK, "--probes", "none", "--results", folder).returncode == 0
        assert trials_of(folder) == every("done", 1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_results_that_may_only_be_read_are_one_line_and_are_reported_elsewhere(
    command: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    arguments = (*QUICK, "--models", "softmax", "--probes", "none")
    assert command(*arguments).returncode == 0
    results = tmp_path / "results"
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    for path in (results, *(folder for folder in results.rglob("*") if folder.is_dir())):
        path.chmod(0o555)
    # root may write everywhere, unless it gives that right up
    without = "-dac_override,-dac_read_search"
    plain = ["setpriv", f"--bounding-set={without}", f"--inh-caps={without}"] if os.getuid() == 0 else []
    if plain and not shutil.which("setpriv"):
        pytest.skip("needs setpriv to run as one who may not write")
    for words, message in (
        ((*arguments, "--force"), "cannot write to results folder"),
        (("report",), "cannot write the report"),
    ):
        line = [*plain, sys.executable, "-m", "bench", *words]
        done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {message}")
        assert done.stderr.count("\n") == 1
        assert "Permission denied" in done.stderr
    assert {path: path.read_bytes() for path in results.rglob("*") if path.is_file()} == before


def test_results_removed_during_the_run_are_named_and_the_rest_is_kept(
    environment: dict[str, str], tmp_path: Path, command: Command
) -> None:
    arguments = (*QUICK, "--epochs", "15", "--probes", "none")
    runner = start(environment, tmp_path, *arguments)
    wait_for(runner, "mlp seed 0 epoch 1/15")
    shutil.rmtree(tmp_path / "results")
    _, err = runner.communicate(timeout=100)
    assert runner.returncode == 2
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "was removed during the run; the same command trains it again" in errors[0]
    assert trials_of(tmp_path / "results") == Counter({("mlp", 0, "done"): 1})
    assert command(*arguments).returncode == 0
    assert trials_of(tmp_path / "results") == every("done", 1)


def test_a_file_in_the_place_of_the_results_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    runner = start(environment, tmp_path, *QUICK, "--epochs", "15", "--probes", "none")
    wait_for(runner, "mlp seed 0 epoch 1/15")
    (tmp_path / "results").rename(tmp_path / "kept")
    (tmp_path / "results").write_text("a file")
    _, err = runner.communicate(timeout=100)
    assert runner.returncode == 2
    assert "Traceback" not in err
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert errors[0].startswith("error: cannot write the run of mlp")
    assert trials_of(tmp_path / "kept") == Counter({("softmax", 0, "done"): 1})
