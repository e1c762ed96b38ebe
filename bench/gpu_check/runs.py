"""Checks that run the suite's own commands and judge what they record."""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.gpu_check.findings import Findings
from bench.gpu_check.measured import MODELS, judge_execution
from bench.recipes.recipe import PRECISIONS
from bench.records.probes import load_probes
from bench.records.schema import Run
from bench.records.storage import load_runs
from bench.records.throughput import ARTICLE, OURS
from bench.runner.suites import SUITES

ROOT = Path(__file__).resolve().parents[2]
BANDS = {"softmax": (0.91, 0.93), "mlp": (0.965, 0.985), "cnn": (0.985, 0.995)}
"""Test accuracy of the article's recipe after ten epochs, whatever the device."""
GOALS_MS = {
    ("cnn", "fp32"): 110.0,
    ("cnn", "tf32"): 60.0,
    ("mlp", "fp32"): 25.0,
    ("mlp", "tf32"): 25.0,
    ("softmax", "fp32"): 12.0,
    ("softmax", "tf32"): 12.0,
}
"""Milliseconds of an epoch, by model and precision, on an H100."""
TEN_EPOCHS_S = 1.0
"""Seconds of the CNN's ten epochs with evaluation in tf32, on an H100."""
TIMES_THE_ARTICLE = 100.0
CLOCKS = 0.1
"""Share of a trial's total that may be in no clock of its own."""


def article(found: Findings, device: str) -> None:
    """Run the article's suite with one seed in each precision."""
    for precision in PRECISIONS if device == "cuda" else ("fp32",):
        with tempfile.TemporaryDirectory(prefix="mnist-bench-") as folder:
            _command(
                "run", "--suite", "article", "--seeds", "1", "--probes", "none", "--timing-rounds", "0",
                "--device", device, "--precision", precision, "--models", ",".join(MODELS), "--results", folder,
            )  # fmt: skip
            runs, problems = load_runs(Path(folder))
        found.judge(f"{precision}: trials done", len(runs), f"{len(MODELS)}", len(runs) == len(MODELS) and not problems)
        for run in runs:
            judge_run(found, run)


def judge_run(found: Findings, run: Run) -> None:
    """Judge a run of the article's suite: its accuracy, how steps were taken, its clocks and its times."""
    what = f"{run.trial.model} in {run.trial.precision}"
    if run.result is None or run.clock is None or run.execution is None:
        found.judge(what, run.error, "done", holds=False)
        return
    low, high = BANDS[run.trial.model]
    accuracy = run.result.test_accuracy
    found.judge(f"accuracy of {what}", accuracy, f"{low} to {high}", low <= accuracy <= high)
    judge_execution(found, what, run.execution, run.trial.device)
    clock = run.clock
    parts = clock.startup_s + clock.setup_s + clock.warmup_s + clock.train_s + clock.eval_s
    share = 1 - parts / clock.total_s
    found.judge(f"in no clock: {what}", round(share, 4), f"0 to {CLOCKS}", -1e-6 <= share <= CLOCKS)
    epoch_ms = 1000 * statistics.median(epoch.train_s for epoch in run.epochs)
    goal = GOALS_MS.get((run.trial.model, run.trial.precision)) if run.trial.device == "cuda" else None
    if goal is None:
        found.fact(f"ms of an epoch: {what}", round(epoch_ms, 3))
    else:
        found.below(f"ms of an epoch: {what}", epoch_ms, goal, "ms on an H100")
    if (run.trial.model, run.trial.precision, run.trial.device) == ("cnn", "tf32", "cuda"):
        found.below("s of ten epochs with evaluation", clock.train_s + clock.eval_s, TEN_EPOCHS_S, "s on an H100")


def quick(found: Findings, device: str) -> None:
    """Run the quick suite with all its probes."""
    with tempfile.TemporaryDirectory(prefix="mnist-bench-") as folder:
        _command("run", "--suite", "quick", "--device", device, "--results", folder)
        probes = {(record.run.partition("-")[0], record.probe) for record in load_probes(Path(folder))[0]}
        report = (Path(folder) / "report.html").exists()
    for probe in SUITES["quick"].probes:
        models = sorted(model for model, name in probes if name == probe)
        found.judge(f"probe {probe}", ", ".join(models), "every model", set(MODELS) <= set(models))
    found.judge("report", report, "written", report)


def speed(found: Findings, device: str) -> None:
    """Time the CNN beside the article's own loop."""
    with tempfile.TemporaryDirectory(prefix="mnist-bench-") as folder:
        _command("speed", "--models", "cnn", "--device", device, "--results", folder)
        (record,) = Path(folder).glob("speed/*/*.json")
        (model,) = json.loads(record.read_text())["models"]
    medians = {times["framework"]: statistics.median(times["epoch_s"]) for times in model["times"]}
    judge_speed(found, medians, device)


def judge_speed(found: Findings, epoch_s: Mapping[str, float], device: str) -> None:
    """Judge how many times as long the article's loop takes; ``epoch_s`` is by framework."""
    for name, seconds in epoch_s.items():
        found.fact(f"s of an epoch: {name}", round(seconds, 5))
    times = epoch_s[ARTICLE] / epoch_s[OURS]
    goal = TIMES_THE_ARTICLE if device == "cuda" else 1.0
    found.judge("the article's loop takes so many times as long", round(times, 2), f"at least {goal:g}", times >= goal)


def _command(*arguments: str) -> None:
    """Run a command of the suite.

    Raises:
        RuntimeError: it failed; the text is what it said last.
    """
    line = [sys.executable, "-m", "bench", *arguments]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments[:3])}: {done.stderr.strip()[-2000:]}")
