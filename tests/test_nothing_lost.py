"""What is done to a run in its middle, done to the real command: killed, starved, evicted, doubled."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from bench.storage import load_runs
from tests.conftest import Command
from tests.processes import start, wait_for, worker

QUICK = ("run", "--suite", "quick", "--epochs", "1", "--models", "softmax,mlp")
pytestmark = pytest.mark.slow


def records_of(results: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in results.rglob("*.json")}


def trials_of(results: Path) -> Counter[tuple[str, int, str]]:
    runs, problems = load_runs(results)
    assert problems == []
    return Counter((run.trial.model, run.trial.seed, run.status) for run in runs)


def every(status: str, seeds: int) -> Counter[tuple[str, int, str]]:
    return Counter((model, seed, status) for model in ("softmax", "mlp") for seed in range(seeds))


def numbers(results: Path) -> dict[str, str]:
    """The tables of the report without times, places and names of records."""
    told = {}
    for name in ("accuracy", "verdicts", "calibration", "epochs"):
        table = pd.read_csv(results / "tables" / f"{name}.csv")
        told[name] = table.loc[:, [column for column in table if not str(column).endswith("_s")]].to_csv()
    return told


@pytest.mark.timeout(1200)
def test_a_runner_killed_at_any_moment_loses_nothing_and_doubles_nothing(
    environment: dict[str, str], tmp_path: Path, command: Command
) -> None:
    moments = random.Random(7)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    arguments = (*QUICK, "--seeds", "12", "--probes", "calibration")
    seen: dict[str, bytes] = {}
    in_time = 0
    for _ in range(20):
        runner = start(environment, killed, *arguments)
        with contextlib.suppress(subprocess.TimeoutExpired):
            runner.wait(moments.uniform(0.2, 10))
        in_time += runner.poll() is None
        runner.kill()
        runner.communicate()
        now = records_of(killed / "results")
        assert seen.items() <= now.items(), "a record of before is gone or another"
        trials_of(killed / "results")
        seen = now
    assert in_time >= 10, "most of them were killed, not done"
    for folder in (killed, whole):
        assert command(*arguments, cwd=folder).returncode == 0
    assert trials_of(killed / "results") == trials_of(whole / "results") == every("done", 12)
    assert numbers(killed / "results") == numbers(whole / "results")
    names = [{path.name for path in (folder / "results" / "plots").iterdir()} for folder in (killed, whole)]
    assert names[0] == names[1]


@pytest.mark.timeout(600)
def test_ctrl_c_at_any_moment_is_one_line_and_leaves_no_process(environment: dict[str, str], tmp_path: Path) -> None:
    """As a terminal sends it: to the runner and all its workers at once."""
    moments = random.Random(3)
    for number in range(12):
        runner = start(environment, tmp_path, *QUICK, "--seeds", str(9), start_new_session=True)
        wait_until = time.monotonic() + moments.uniform(0.5, 8)
        started: dict[int, psutil.Process] = {}
        while time.monotonic() < wait_until and runner.poll() is None:
            started |= {each.pid: each for each in psutil.Process(runner.pid).children(recursive=True)}
            time.sleep(0.02)
        os.killpg(runner.pid, signal.SIGINT)
        _, err = runner.communicate(timeout=60)
        assert runner.returncode in (130, -signal.SIGINT), (number, err)  # the latter before Python has begun
        assert "Traceback" not in err
        assert psutil.wait_procs(list(started.values()), timeout=10)[1] == []
    done = trials_of(tmp_path / "results")
    assert all(count == 1 for (_, _, status), count in done.items() if status == "done")


def test_two_runs_at_once_share_the_trials(environment: dict[str, str], tmp_path: Path) -> None:
    arguments = (*QUICK, "--seeds", "4", "--probes", "calibration")
    for runner in [start(environment, tmp_path, *arguments) for _ in range(2)]:
        _, err = runner.communicate(timeout=200)
        assert runner.returncode == 0, err
    check_each_once(tmp_path / "results", seeds=4)


def test_a_run_takes_over_the_trial_of_another_that_is_killed(environment: dict[str, str], tmp_path: Path) -> None:
    arguments = (*QUICK, "--epochs", "40", "--seeds", "2", "--probes", "calibration")
    first = start(environment, tmp_path, *arguments)
    wait_for(first, "epoch 2/40")
    second = start(environment, tmp_path, *arguments)
    wait_for(second, "another call is training it; waiting for that")
    first.kill()
    first.communicate()
    _, err = second.communicate(timeout=200)
    assert second.returncode == 0, err
    check_each_once(tmp_path / "results", seeds=2)


def check_each_once(results: Path, seeds: int) -> None:
    """Every trial and every question about it has one record."""
    assert trials_of(results) == every("done", seeds)
    asked = [json.loads(content)["run"] for content in records_of(results / "probes").values()]
    assert len(asked) == len(set(asked)) == 2 * seeds


TROUBLE = """
import ctypes, os, subprocess, sys, time
import torch
from torch import nn
from models.registry import register_model

class Does(nn.Linear):
    def __init__(self, num_classes, what):
        super().__init__(784, num_classes)
        self.what = what
    def forward(self, images):
        if not torch.is_grad_enabled() or self.training:
            self.what()
        return super().forward(images.flatten(1))

def eat():
    kept = []
    while True:
        kept.append(torch.empty(2**28))

def crash():
    ctypes.string_at(0)

def hang():
    while True:
        pass

def hang_up():
    os.closerange(3, 1000)
    time.sleep(1000)

def leave():
    subprocess.Popen(["sleep", "1000"])
    hang()

class Mute(Exception):
    def __str__(self):
        raise ValueError("says nothing")

def mute():
    raise Mute

for action in (eat, crash, hang, hang_up, leave, mute):
    def make(num_classes=10, action=action):
        return Does(num_classes, action)
    make.__name__ = action.__name__
    make.__module__ = __name__
    register_model(make)

@register_model
def quits(num_classes=10):
    sys.exit("enough")
"""


@pytest.fixture
def troubled(tmp_path: Path) -> Path:
    """A folder whose ``models`` is softmax and models that do everything a model must not."""
    from tests.conftest import ROOT

    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("__init__.py", "registry.py", "softmax.py"):
        shutil.copy(ROOT / "models" / name, folder)
    (folder / "trouble.py").write_text(TROUBLE)
    return tmp_path


def test_whatever_a_model_does_takes_its_own_trial_alone(command: Command, troubled: Path) -> None:
    import resource

    def limit_memory() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**35, 2**35))

    names = "eat,crash,hang,hang_up,leave,mute,quits,softmax"
    arguments = ("run", "--suite", "quick", "--epochs", "1", "--probes", "none", "--timeout", "15", "--json")
    done = command(*arguments, "--models", names, cwd=troubled, preexec_fn=limit_memory)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    answer = json.loads(done.stdout)
    assert [run["model"] for run in answer["done"]] == ["softmax"]
    told = {run["model"]: (run["status"], run["error"]) for run in answer["failed"]}
    assert told.pop("eat")[1].startswith("RuntimeError: ")
    assert told == {
        "crash": ("error", "worker killed by SIGSEGV"),
        "hang": ("timeout", "not finished after 15 s"),
        "hang_up": ("error", "worker hung up without ending"),
        "leave": ("timeout", "not finished after 15 s"),
        "mute": ("error", "models.trouble.Mute: <exception str() failed>"),
        "quits": ("error", "SystemExit: enough"),
    }
    assert len([line for line in done.stderr.splitlines() if line.startswith("error: ")]) == 7
    assert [
        process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["sleep", "1000"]
    ] == []


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
    for path in (results, *(each for each in results.rglob("*") if each.is_dir())):
        path.chmod(0o555)
    # root may write everywhere, unless it gives that right up
    without = "-dac_override,-dac_read_search"
    plain = ["setpriv", f"--bounding-set={without}", f"--inh-caps={without}"] if os.getuid() == 0 else []
    if plain and not shutil.which("setpriv"):
        pytest.skip("needs setpriv to run as one who may not write")
    for words, said in (
        ((*arguments, "--force"), "cannot write to results folder"),
        (("report",), "cannot write the report"),
    ):
        line = [*plain, sys.executable, "-m", "bench", *words]
        done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {said}")
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


@pytest.mark.timeout(900)
def test_three_hundred_trials_take_no_more_memory_or_files_than_fifty(
    environment: dict[str, str], tmp_path: Path
) -> None:
    arguments = (*QUICK, "--models", "softmax", "--seeds", "300", "--probes", "none")
    runner = start(environment, tmp_path, *arguments)
    used: dict[int, tuple[int, int, int, int]] = {}
    assert runner.stderr is not None
    for line in runner.stderr:
        if "epoch 1/1" in line:
            processes = [psutil.Process(runner.pid), worker(runner)]
            used[len(used) + 1] = tuple(  # type: ignore[assignment]
                value for each in processes for value in (each.memory_info().rss, each.num_fds())
            )
    runner.communicate(timeout=60)
    assert runner.returncode == 0
    assert len(used) == 300
    for name, position in (("runner", 0), ("worker", 2)):
        early = max(used[trial][position] for trial in range(40, 61))
        late = max(used[trial][position] for trial in range(280, 301))
        assert late < 1.05 * early, f"{name}: {early:,} -> {late:,} bytes"
    assert used[300][1] <= used[50][1]
    assert used[300][3] <= used[50][3]
