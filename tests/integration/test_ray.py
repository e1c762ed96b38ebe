"""The command on a real Ray cluster: several nodes as processes of this machine, some of which are killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
import pytest

from bench.records.probes import load_probes
from bench.records.schema import Run
from bench.records.storage import load_predictions, load_runs, runs_dir
from bench.records.timing import load_timings
from tests.conftest import ROOT, Command
from tests.support.processes import start, wait_for
from tests.support.small_runs import UNTIMED

pytest.importorskip("ray", reason="needs Ray: pip install -e '.[cluster]'")

pytestmark = [pytest.mark.slow, pytest.mark.alone]  # each counts processes and cores of the machine
SMALL = (*UNTIMED, "--epochs", "1", "--probes", "none")
MakeCluster = Callable[..., Any]


@pytest.fixture
def make_cluster(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeCluster]:
    """Start a head that runs no trials and some nodes of one CPU each.

    With the machine's CPUs for each, threads that wait for each other in turn would make everything ten times slower.
    """
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("MNIST_BENCH_DATA", str(data_dir))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    clusters = []

    def make(nodes: int, **options: Any) -> Any:
        plain = {"object_store_memory": 100_000_000, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=plain | {"num_cpus": 0})
        clusters.append(cluster)
        for _ in range(nodes):
            cluster.add_node(**({"num_cpus": 1, "object_store_memory": 100_000_000} | options))
        return cluster

    yield make
    for cluster in clusters:
        cluster.shutdown()


def on(cluster: Any) -> tuple[str, ...]:
    return "--executor", "ray", "--ray-address", cluster.address


def one_cpu() -> None:
    """Trials of a process that begins with this have one thread, as they have on the nodes."""
    os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])


def by_trial(results: Path) -> dict[tuple[str, int], Run]:
    """Runs by model and seed; each of them is there once and done."""
    runs, problems = load_runs(results)
    assert not problems
    assert {run.status for run in runs} == {"done"}
    run_by_trial = {(run.trial.model, run.trial.seed): run for run in runs}
    assert len(run_by_trial) == len(runs), "each once"
    return run_by_trial


def without_times(run: Run) -> dict[str, Any]:
    """Everything in the record but clocks, the time of day, and what else went on."""
    about = run.model_dump(
        exclude={"clock", "memory", "surroundings", "started_at", "finished_at", "artifacts", "environment"}
    )
    about["result"].pop("train_images_per_s")
    for epoch in about["epochs"]:
        del epoch["train_s"], epoch["eval_s"]
    return about


@pytest.mark.timeout(600)
def test_24_trials_on_3_nodes_one_of_which_dies_are_those_of_a_single_machine(
    make_cluster: MakeCluster, command: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    trials = (*SMALL, "--models", "softmax,mlp", "--seeds", "12")
    cluster = make_cluster(3)
    runner = start(environment, tmp_path, *trials, *on(cluster), "--json")
    wait_for(runner, "[10/24]")
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
    out, err = runner.communicate(timeout=400)
    assert runner.returncode == 0, err
    assert len(json.loads(out)["done"]) == 24, "nothing but the answer on standard output"
    assert "its node was lost; restarted (1 of 3)" in err
    assert "Traceback" not in err
    there = tmp_path / "results"
    at_home = command(*trials, "--results", "here", timeout=400, preexec_fn=one_cpu)
    assert at_home.returncode == 0, at_home.stderr
    far, near = by_trial(there), by_trial(tmp_path / "here")
    assert far.keys() == near.keys()
    assert len(far) == 24
    for trial, run in far.items():
        other = near[trial]
        assert without_times(run) == without_times(other)
        assert run.environment.keys() == other.environment.keys()
        weights = [
            (runs_dir(folder, finished.machine) / finished.artifacts.weights).read_bytes()
            for folder, finished in ((there, run), (tmp_path / "here", other))
            if finished.artifacts
        ]
        assert weights[0] == weights[1]
        predictions = [load_predictions(there, run), load_predictions(tmp_path / "here", other)]
        for name in ("predicted", "example_index", "example_confidence"):
            assert np.array_equal(*[getattr(part, name) for part in predictions])
    stored = "".join(path.read_text() for path in there.rglob("*") if path.suffix in (".json", ".md", ".csv"))
    for private in (os.uname().nodename, cluster.address.split(":")[0], str(tmp_path)):
        assert private not in stored


@pytest.mark.timeout(300)
def test_a_killed_driver_goes_on_where_it_stopped(
    make_cluster: MakeCluster, command: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    cluster = make_cluster(2)
    arguments = (*SMALL, "--models", "softmax", "--seeds", "6", *on(cluster), "--json")
    runner = start(environment, tmp_path, *arguments)
    wait_for(runner, "[4/6]")
    runner.kill()
    runner.communicate()
    kept = len(by_trial(tmp_path / "results"))
    assert kept >= 1
    answer = json.loads(command(*arguments).stdout)
    assert (len(answer["already_done"]), len(answer["done"])) == (kept, 6 - kept)
    assert len(by_trial(tmp_path / "results")) == 6


def test_a_models_own_failure_is_recorded_as_at_home_and_not_tried_again(
    make_cluster: MakeCluster, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "models", tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "bench", tmp_path / "bench", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models" / "trouble.py").write_text(
        "import os, pathlib\n"
        "from models.registry import register_model\n"
        "def count(name):\n"
        f"    with open('{tmp_path}/' + name, 'a') as file: file.write('x')\n"
        "@register_model\n"
        "def leaves(num_classes=10): count('leaves'); os._exit(7)\n"
        "@register_model\n"
        "def raises(num_classes=10): count('raises'); raise ValueError('two\\nlines')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    cluster = make_cluster(2)
    done = command(*SMALL, "--models", "leaves,raises,softmax", *on(cluster), "--json")
    assert done.returncode == 2
    answer = json.loads(done.stdout)
    assert [run["model"] for run in answer["done"]] == ["softmax"]
    assert {run["model"]: (run["status"], run["error"]) for run in answer["failed"]} == {
        "leaves": ("error", "worker ended with exit code 7"),
        "raises": ("error", "ValueError: two lines"),
    }
    assert [(tmp_path / name).read_text() for name in ("leaves", "raises")] == ["x", "x"], "once each"
    assert "lost" not in done.stderr
    assert len(list((tmp_path / "results").rglob("*.log"))) == 1, "the traceback has come home"


def test_an_interrupted_run_records_all_that_ran_and_leaves_no_process(
    make_cluster: MakeCluster, environment: dict[str, str], tmp_path: Path
) -> None:
    cluster = make_cluster(2)
    before = set(psutil.Process().children(recursive=True))
    runner = start(environment, tmp_path, *SMALL, "--models", "mlp", "--seeds", "3", "--epochs", "500", *on(cluster))
    seen = ""
    assert runner.stderr is not None
    while not ("seed 0 epoch" in seen and "seed 1 epoch" in seen):
        seen += runner.stderr.readline()
    started = set(psutil.Process().children(recursive=True)) - before
    assert sum("forkserver" in " ".join(process.cmdline()) for process in started) > 2
    runner.send_signal(signal.SIGINT)
    _, err = runner.communicate(timeout=60)
    assert runner.returncode == 130, err
    assert "stopped by SIGINT" in err
    assert "Traceback" not in err
    runs, _ = load_runs(tmp_path / "results")
    assert sorted((run.trial.seed, run.status, run.error) for run in runs) == [
        (0, "interrupted", "stopped by SIGINT"),
        (1, "interrupted", "stopped by SIGINT"),
    ], "the third had not begun"
    assert all(run.epochs for run in runs)
    trainers = [process for process in started if "forkserver" in _command_line(process)]
    assert psutil.wait_procs(trainers, timeout=30)[1] == [], "no worker is left behind"


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def raylets() -> set[int]:
    return {process.pid for process in psutil.process_iter(["name"]) if process.info["name"] == "raylet"}


OVERHEAD = """
import json, sys, time
from pathlib import Path
from bench.data.files import default_data_dir
from bench.runner.environment import this_machine
from bench.runner.ray_cluster.connect import open_cluster
from bench.runner.ray_cluster.executor import RayExecutor
from tests.support.factories import make_trial

cluster = open_cluster(sys.argv[1], "auto", "mnist", None)
executor = RayExecutor(cluster, this_machine(default_data_dir()), print)
trials = [
    make_trial(model=model, seed=seed, epochs=1, train_size=20_000, threads=cluster.threads)
    for seed in range(8) for model in ("softmax", "mlp")
]
def over(trial):
    start = time.perf_counter()
    outcome = executor.run_trial(trial, lambda event: None)
    return time.perf_counter() - start - outcome.clock.total_s
print(json.dumps([over(trial) for trial in trials]))
executor.close()
"""


def test_a_trial_costs_little_more_than_its_own_time(make_cluster: MakeCluster, environment: dict[str, str]) -> None:
    cluster = make_cluster(1)
    line = [sys.executable, "-c", OVERHEAD, cluster.address]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=os.environ | environment, timeout=200)
    assert done.returncode == 0, done.stderr
    seconds = json.loads(done.stdout)
    print("beyond each trial's own time, s:", *(f"{duration:.3f}" for duration in seconds))
    assert median(seconds[2:]) < 0.5, seconds


def test_a_cluster_of_this_machine_alone_makes_records_of_this_machine(command: Command, tmp_path: Path) -> None:
    options = ("--epochs", "1", "--models", "softmax", "--probes", "calibration", "--timing-rounds", "4", "--json")
    arguments = ("run", "--suite", "quick", *options)
    before = raylets()
    first, second = command(*arguments, "--executor", "ray"), command(*arguments)
    assert [first.returncode, second.returncode] == [0, 0], first.stderr
    assert [len(json.loads(done.stdout)["done"]) for done in (first, second)] == [1, 0]
    runs, probes = load_runs(tmp_path / "results")[0], load_probes(tmp_path / "results")[0]
    assert [(probe.run, probe.machine) for probe in probes] == [(runs[0].stem, runs[0].machine)]
    assert runs[0].surroundings is not None
    timings, problems = load_timings(tmp_path / "results")
    assert problems == []
    assert [len(model.rounds) for record in timings for model in record.models] == [2, 2], "before and after"
    assert {timing.machine for timing in timings} == {runs[0].machine}
    assert raylets() <= before


def test_a_full_disk_stops_the_run_with_one_line(make_cluster: MakeCluster, command: Command, tmp_path: Path) -> None:
    import resource

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))  # the MLP's weights are 940 kB

    cluster = make_cluster(2)
    done = command(*SMALL, "--models", "softmax,mlp", "--seeds", "3", *on(cluster), preexec_fn=small_files_only)
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert re.match(r"error: cannot write the run of mlp, seed [01], to results: File too large; ", errors[0])
    assert "Traceback" not in done.stderr
    kept, problems = load_runs(tmp_path / "results")
    assert not problems
    assert {(run.trial.model, run.status) for run in kept} <= {("softmax", "done")}  # none where the MLP was first


def test_a_node_with_other_code_is_one_line(
    make_cluster: MakeCluster, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("bench", "models"):
        shutil.copytree(ROOT / package, tmp_path / "old" / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "old" / "bench" / "training" / "train.py").open("a") as file:
        file.write("# not yet mended\n")
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("PYTHONPATH", str(tmp_path / "old"))
        cluster = make_cluster(1)
    done = command(*SMALL, "--models", "softmax", *on(cluster), env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == "error: node 1 of 1 has another bench/training/train.py: install the same commit on every node\n"
    )
