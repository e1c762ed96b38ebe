"""The real command in a process of its own, on the real data set."""

import json
import os
import re
import shutil
import signal
from pathlib import Path

import pandas as pd
import psutil
import pytest

from bench.analysis.groups import group_by_condition
from bench.records.probes import load_probes
from bench.records.schema import Execution
from bench.records.storage import load_runs
from bench.records.timing import load_timings
from tests.conftest import ROOT, Command
from tests.support.factories import make_run
from tests.support.processes import start, wait_for, worker
from tests.support.small_runs import UNTIMED

QUICK = (*UNTIMED, "--epochs", "1")
SMALL = (*QUICK, "--probes", "none")


@pytest.fixture
def more_models(tmp_path: Path) -> Path:
    """A folder whose ``models`` is ours and three troublesome ones; run the command there."""
    shutil.copytree(ROOT / "models", tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models" / "trouble.py").write_text(
        "import os, torch\n"
        "from torch import nn\n"
        "from models.registry import register_model\n"
        "class Nan(nn.Linear):\n"
        "    def forward(self, images): return super().forward(images.flatten(1)) * float('nan')\n"
        "class Talk(nn.Linear):\n"
        "    def forward(self, images): print('{garbage'); return super().forward(images.flatten(1))\n"
        "@register_model\n"
        "def nan(num_classes=10): return Nan(784, num_classes)\n"
        "@register_model\n"
        "def talk(num_classes=10): return Talk(784, num_classes)\n"
        "@register_model\n"
        "def leaves(num_classes=10): os._exit(7)\n"
        "@register_model\n"
        "def raises(num_classes=10): raise ValueError('two\\nlines')\n"
    )
    return tmp_path


def test_a_run_leaves_records_tables_plots_and_a_page(command: Command, tmp_path: Path) -> None:
    done = command(*QUICK, "--models", "softmax,mlp")
    assert done.returncode == 0, done.stderr
    assert "softmax" in done.stdout
    assert "report: results/report.html" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "\x1b" not in done.stdout + done.stderr, "no colour in a pipe"
    runs, problems = load_runs(tmp_path / "results")
    assert {run.trial.model: run.status for run in runs} == {"softmax": "done", "mlp": "done"}
    assert not problems
    results = tmp_path / "results"
    assert {path.name for path in (results / "tables").iterdir()} == {
        "accuracy.csv", "verdicts.csv", "speed.csv", "time_to_accuracy.csv", "epochs.csv", "runs.csv",
        "distortion.csv", "calibration.csv", "structure.csv", "features.csv", "samples.csv", "hardest.csv",
    }  # fmt: skip
    plots = {path.name for path in (results / "plots").iterdir()}
    assert plots == set(re.findall(r"\(plots/(.+?)\)", (results / "README.md").read_text()))
    assert len(plots) > 10
    for run in runs:
        assert run.result is not None
        assert run.result.test_accuracy > 0.85
        assert run.execution == Execution(mode="captured")
        assert run.clock is not None
        clock = run.clock
        parts = clock.startup_s + clock.setup_s + clock.warmup_s + clock.train_s + clock.eval_s
        assert clock.total_s == pytest.approx(parts, rel=0.02, abs=0.05)
    text = "".join(path.read_text() for path in results.rglob("*") if path.suffix in (".json", ".md", ".csv"))
    for private in (os.uname().nodename, str(tmp_path), str(Path.home())):
        assert private not in text


@pytest.mark.slow
def test_a_second_run_trains_nothing_and_force_trains_again(command: Command, tmp_path: Path) -> None:
    arguments = (*SMALL, "--models", "softmax", "--json")
    first, forced = command(*arguments), command(*arguments, "--force")
    second = command(*arguments, "--probes", "calibration")
    counts = [{key: len(value) for key, value in json.loads(run.stdout).items() if key != "report"} for run in
              (first, second, forced)]  # fmt: skip
    assert counts[0] == counts[2] == {"done": 1, "failed": 0, "already_done": 0}
    assert counts[1] == {"done": 0, "failed": 0, "already_done": 1}
    runs, _ = load_runs(tmp_path / "results")
    assert len(runs) == 2
    probes, _ = load_probes(tmp_path / "results")
    assert [(probe.probe, probe.run) for probe in probes] == [("calibration", runs[1].stem)], "of the latest run"
    assert runs[0].epochs[0].test_loss == runs[1].epochs[0].test_loss, "the same seed in another process"


def test_a_new_model_file_gets_its_row_and_trouble_takes_one_trial(command: Command, more_models: Path) -> None:
    done = command(*SMALL, "--models", "nan,leaves,raises,talk,softmax", "--json", cwd=more_models)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    answer = json.loads(done.stdout)
    assert {run["model"] for run in answer["done"]} == {"talk", "softmax"}
    assert {run["model"]: (run["status"], run["error"]) for run in answer["failed"]} == {
        "nan": ("diverged", "epoch 1: training loss nan, test loss nan"),
        "leaves": ("error", "worker ended with exit code 7"),
        "raises": ("error", "ValueError: two lines"),
    }
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    log = Path(errors[2].split("(traceback in ")[1].rstrip(")"))
    assert "def raises" in (more_models / log).read_text()
    page = (more_models / "results" / "README.md").read_text()
    assert "| talk" in page
    assert "ValueError: two lines" in page
    assert "def raises" not in page


def test_a_killed_worker_is_an_error_and_the_rest_goes_on(environment: dict[str, str], tmp_path: Path) -> None:
    runner = start(environment, tmp_path, *SMALL, "--models", "mlp,softmax", "--epochs", "50")
    wait_for(runner, "mlp seed 0 epoch 1/50")
    worker(runner).send_signal(signal.SIGKILL)
    out, err = runner.communicate(timeout=120)
    assert runner.returncode == 2
    assert "error: mlp seed 0: error: worker killed by SIGKILL" in err
    assert "softmax" in out
    runs, _ = load_runs(tmp_path / "results")
    assert [(run.trial.model, run.status) for run in runs] == [("mlp", "error"), ("softmax", "done")]
    assert 1 <= len(runs[0].epochs) < 50


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_an_interrupted_run_reports_what_is_done(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    runner = start(environment, tmp_path, *SMALL, "--models", "softmax,mlp", "--epochs", "60")
    wait_for(runner, "mlp seed 0 epoch 1/60")
    workers = psutil.Process(runner.pid).children(recursive=True)
    runner.send_signal(number)
    _, err = runner.communicate(timeout=60)
    assert runner.returncode == code
    assert f"stopped by {number.name}" in err
    assert "Traceback" not in err
    runs, _ = load_runs(tmp_path / "results")
    assert [(run.trial.model, run.status) for run in runs] == [("softmax", "done"), ("mlp", "interrupted")]
    assert "| softmax" in (tmp_path / "results" / "README.md").read_text()
    assert psutil.wait_procs(workers, timeout=10)[1] == [], "no worker is left behind"


@pytest.mark.slow
def test_a_worker_ends_when_the_runner_is_killed(environment: dict[str, str], tmp_path: Path) -> None:
    runner = start(environment, tmp_path, *SMALL, "--models", "softmax", "--epochs", "200")
    wait_for(runner, "epoch 2/200")
    workers = psutil.Process(runner.pid).children(recursive=True)
    runner.kill()
    runner.communicate()
    assert psutil.wait_procs(workers, timeout=10)[1] == []


@pytest.mark.slow
def test_a_trial_that_takes_too_long_is_given_up(command: Command, tmp_path: Path) -> None:
    done = command(*SMALL, "--models", "softmax", "--epochs", "500", "--timeout", "8")
    assert done.returncode == 2
    assert "timeout: not finished after 8 s" in done.stderr
    assert [run.status for run in load_runs(tmp_path / "results")[0]] == ["timeout"]


def test_foreign_files_among_the_records_are_named_and_kept(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "results" / "runs" / make_run().machine.name
    folder.mkdir(parents=True)
    (folder / "good.json").write_text(make_run().model_dump_json(by_alias=True))
    (folder / "broken.json").write_text('{"schema": 1,')
    (folder / "foreign.json").write_text('{"name": "something else"}')
    for arguments in (("report",), (*SMALL, "--models", "softmax")):
        done = command(*arguments)
        assert done.returncode == 2
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 2
        assert "broken.json" in errors[0]
        assert "foreign.json" in errors[1]
        assert "cnn" in done.stdout, "the good record is shown all the same"
    assert (folder / "foreign.json").read_text() == '{"name": "something else"}'


@pytest.mark.slow
def test_no_space_for_a_file_is_one_line_and_nothing_is_lost(command: Command, tmp_path: Path) -> None:
    import resource

    assert command(*SMALL, "--models", "softmax").returncode == 0
    kept = {path: path.read_bytes() for path in (tmp_path / "results" / "runs").rglob("*.*")}

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))  # the MLP's weights are 940 kB

    done = command(*SMALL, "--models", "mlp", preexec_fn=small_files_only)
    assert done.returncode == 2
    assert "error: cannot write the run of mlp, seed 0" in done.stderr
    assert "Traceback" not in done.stderr
    after = {path: path.read_bytes() for path in (tmp_path / "results" / "runs").rglob("*.*")}
    assert after == kept


def test_the_commands_that_only_look(command: Command) -> None:
    models, doctor, usage = command("models", "--json"), command("doctor"), command("--help")
    assert {row["name"]: row["parameters"] for row in json.loads(models.stdout)}["cnn"] == 421_642
    assert {row["name"]: row["train_flops_per_image"] for row in json.loads(models.stdout)}["cnn"] == 24_995_328
    recipes, article = command("recipes", "--json"), command("recipes", "article")
    assert "article" in {row["recipe"] for row in json.loads(recipes.stdout)}
    assert article.stdout == (ROOT / "bench" / "recipes" / "article.toml").read_text()
    assert doctor.returncode == usage.returncode == 0
    assert "60,000 + 10,000 images, SHA-256 correct" in doctor.stdout
    for name in ("run", "report", "models", "recipes", "tune", "doctor", "speed", "noise", "compare"):
        assert name in usage.stdout
    assert "Usage" in command().stdout


@pytest.mark.slow
def test_two_boxes_of_a_kind_share_a_suite_and_merge_puts_it_together(command: Command, tmp_path: Path) -> None:
    small = (*QUICK, "--models", "softmax", "--probes", "none")
    for name, seeds in (("first", "0-1"), ("second", "2-3")):
        box = ("--seeds", seeds, "--results", tmp_path / name, "--data-dir", tmp_path / f"{name}-data")
        assert command(*small, *box).returncode == 0
    done = command("merge", tmp_path / "first", tmp_path / "second", "--results", tmp_path / "both")
    assert done.returncode == 0, done.stderr
    runs, _ = load_runs(tmp_path / "both")
    assert len({run.machine.id for run in runs}) == 2
    assert len({run.machine.system_id for run in runs}) == 1
    (comparison,) = group_by_condition(runs)
    (group,) = comparison.groups
    assert group.seeds == (0, 1, 2, 3)


@pytest.mark.slow
def test_a_suite_times_its_models_in_turn_once(command: Command, tmp_path: Path) -> None:
    call = ("run", "--suite", "quick", "--models", "softmax,mlp", "--probes", "none", "--epochs", "1", "--json")
    first = command(*call, "--timing-rounds", "6")
    assert first.returncode == 0, first.stderr
    records, problems = load_timings(tmp_path / "results")
    assert problems == []
    assert len(records) == 3, "before, between and after two trials"
    assert [[len(timed.rounds) for timed in record.models] for record in records] == [[2, 2]] * 3
    assert {timed.note for record in records for timed in record.models} == {""}
    assert all(timed.seconds >= 0.2 for record in records for model in record.models for timed in model.rounds)
    assert "### Which is faster" in (tmp_path / "results" / "README.md").read_text()
    (ratio,) = pd.read_csv(tmp_path / "results" / "tables" / "speed_ratios.csv")["ratio"]
    assert 1 < ratio < 100, "the MLP has thirty times as many parameters"
    assert "ETA" in first.stderr
    command(*call, "--timing-rounds", "6")
    assert load_timings(tmp_path / "results")[0] == records, "what has been timed is not timed again"
    command(*call, "--timing-rounds", "8")
    assert len(load_timings(tmp_path / "results")[0]) == 4
