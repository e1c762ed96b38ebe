"""What is done to a run in its middle, done to the real command: killed, starved, evicted, doubled."""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.conftest import Command
from tests.support.processes import start, wait_for, worker
from tests.support.small_runs import QUICK, every, records_of, trials_of

pytestmark = pytest.mark.slow


def numbers(results: Path) -> dict[str, str]:
    """The tables of the report without times, places and names of records."""
    tables = {}
    for name in ("accuracy", "verdicts", "calibration", "epochs"):
        table = pd.read_csv(results / "tables" / f"{name}.csv")
        tables[name] = table.loc[:, [column for column in table if not str(column).endswith("_s")]].to_csv()
    return tables


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("kills", "seeds"), [(6, 6), pytest.param(20, 12, marks=pytest.mark.soak)])
def test_a_runner_killed_at_any_moment_loses_nothing_and_doubles_nothing(
    environment: dict[str, str], tmp_path: Path, command: Command, kills: int, seeds: int
) -> None:
    moments = random.Random(7)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    arguments = (*QUICK, "--seeds", str(seeds), "--probes", "calibration")
    seen: dict[str, bytes] = {}
    in_time = 0
    for _ in range(kills):
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
    assert 2 * in_time >= kills, "most of them were killed, not done"
    for folder in (killed, whole):
        assert command(*arguments, cwd=folder).returncode == 0
    assert trials_of(killed / "results") == trials_of(whole / "results") == every("done", seeds)
    assert numbers(killed / "results") == numbers(whole / "results")
    names = [{path.name for path in (folder / "results" / "plots").iterdir()} for folder in (killed, whole)]
    assert names[0] == names[1]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("times", [4, pytest.param(12, marks=pytest.mark.soak)])
def test_ctrl_c_at_any_moment_is_one_line_and_leaves_no_process(
    environment: dict[str, str], tmp_path: Path, times: int
) -> None:
    """As a terminal sends it: to the runner and all its workers at once."""
    moments = random.Random(3)
    for number in range(times):
        runner = start(environment, tmp_path, *QUICK, "--seeds", str(9), start_new_session=True)
        wait_until = time.monotonic() + moments.uniform(0.5, 8)
        started: dict[int, psutil.Process] = {}
        while time.monotonic() < wait_until and runner.poll() is None:
            started |= {process.pid: process for process in psutil.Process(runner.pid).children(recursive=True)}
            time.sleep(0.02)
        os.killpg(runner.pid, signal.SIGINT)
        _, err = runner.communicate(timeout=60)
        assert runner.returncode in (130, -signal.SIGINT), (number, err)  # the latter before Python has begun
        assert "Traceback" not in err
        assert psutil.wait_procs(list(started.values()), timeout=10)[1] == []
    done = trials_of(tmp_path / "results")
    assert all(count == 1 for (_, _, status), count in done.items() if status == "done")


def test_ctrl_c_while_a_library_is_imported_ends_without_a_word(command: Command, tmp_path: Path) -> None:
    """numpy's extension modules answer an exception during their import with an error of their own, as this does."""
    (tmp_path / "numpy.py").write_text(
        "import signal\ntry:\n    signal.raise_signal(signal.SIGINT)\nexcept BaseException:\n    raise AttributeError\n"
    )
    done = command("report")
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_two_runs_at_once_share_the_trials(environment: dict[str, str], tmp_path: Path) -> None:
    arguments = (*QUICK, "--seeds", "4", "--probes", "calibration")
    for runner in [start(environment, tmp_path, *arguments) for _ in range(2)]:
        _, err = runner.communicate(timeout=200)
        assert runner.returncode == 0, err
    check_each_once(tmp_path / "results", seeds=4)


def test_a_run_takes_over_the_trial_of_another_that_is_killed(environment: dict[str, str], tmp_path: Path) -> None:
    arguments = (*QUICK, "--epochs", "20", "--seeds", "2", "--probes", "calibration")
    first = start(environment, tmp_path, *arguments)
    wait_for(first, "epoch 2/20")
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
    runs = [json.loads(content)["run"] for content in records_of(results / "probes").values()]
    assert len(runs) == len(set(runs)) == 2 * seeds


@pytest.mark.timeout(900)
@pytest.mark.parametrize("trials", [120, pytest.param(300, marks=pytest.mark.soak)])
def test_many_trials_take_no_more_memory_or_files_than_fifty(
    environment: dict[str, str], tmp_path: Path, trials: int
) -> None:
    arguments = (*QUICK, "--models", "softmax", "--seeds", str(trials), "--probes", "none")
    runner = start(environment, tmp_path, *arguments)
    used: dict[int, tuple[int, int, int, int]] = {}
    assert runner.stderr is not None
    for line in runner.stderr:
        if "epoch 1/1" in line:
            processes = [psutil.Process(runner.pid), worker(runner)]
            used[len(used) + 1] = tuple(  # type: ignore[assignment]
                value for process in processes for value in (process.memory_info().rss, process.num_fds())
            )
    runner.communicate(timeout=60)
    assert runner.returncode == 0
    assert len(used) == trials
    for name, position in (("runner", 0), ("worker", 2)):
        early = max(used[number][position] for number in range(40, 61))
        late = max(used[number][position] for number in range(trials - 20, trials + 1))
        assert late < 1.05 * early, f"{name}: {early:,} -> {late:,} bytes"
    for name, position in (("runner", 1), ("worker", 3)):  # the fewest: a reading may fall into the writing of a file
        early = min(used[number][position] for number in range(40, 61))
        late = min(used[number][position] for number in range(trials - 20, trials + 1))
        assert late <= early, f"{name}: {early} -> {late} open files"
