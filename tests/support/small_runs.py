"""A run of seconds through the real command, and what it should leave."""

from collections import Counter
from pathlib import Path

from bench.records.storage import load_runs

UNTIMED = ("run", "--suite", "quick", "--timing-rounds", "0")
"""A command that trains and probes, and times no rounds."""
QUICK = (*UNTIMED, "--epochs", "1", "--models", "softmax,mlp")
IN_PYTHON = "suite='quick', epochs=1, probes='none', timing_rounds=0"
"""Arguments of ``bench.run``."""


def records_of(results: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in results.rglob("*.json")}


def trials_of(results: Path) -> Counter[tuple[str, int, str]]:
    runs, problems = load_runs(results)
    assert problems == []
    return Counter((run.trial.model, run.trial.seed, run.status) for run in runs)


def every(status: str, seeds: int) -> Counter[tuple[str, int, str]]:
    return Counter((model, seed, status) for model in ("softmax", "mlp") for seed in range(seeds))
