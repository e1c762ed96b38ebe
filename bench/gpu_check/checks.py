"""The checks, each called in a process of its own: ``python -m bench.gpu_check.checks NAME DEVICE ANSWER``."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.gpu_check import measured, runs
from bench.gpu_check.findings import Findings

ROOT = Path(__file__).resolve().parents[2]
ASKS_AT_IMPORT = """
import torch
from torch import nn

HAS_GPU = torch.cuda.is_available()


def asks_at_import():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
"""


def versions(found: Findings, device: str) -> None:
    """Name the hardware, the libraries and the driver's answers."""
    import torch

    from bench.runner import gpu
    from bench.runner.environment import describe_environment

    for name, value in describe_environment().items():
        found.fact(name, value)
    state = gpu.state([os.getpid()])
    for name, value in (state.model_dump() if state else {}).items():
        found.fact(name, value)
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        found.fact("multiprocessors", properties.multi_processor_count)
        found.fact("compute capability", f"{properties.major}.{properties.minor}")
        found.judge("NVML answers", state is not None, "it does", state is not None)


def fork(found: Findings, device: str) -> None:
    """Train a model whose file asks for CUDA when it is imported, in a process forked from one that has torch."""
    from bench.runner.workers.executor import LocalExecutor
    from models import ModelSource

    with _folder() as folder:
        (folder / "asks.py").write_text(ASKS_AT_IMPORT)
        source = ModelSource("asks_at_import", folder / "asks.py", folder=folder, attribute="asks_at_import")
        executor = LocalExecutor(measured.data_dir(), sources={"asks_at_import": source})
        try:
            outcome = executor.run_trial(measured.trial("asks_at_import", device, epochs=1), lambda _: None)
        finally:
            executor.close()
    found.judge("accuracy", outcome.result.test_accuracy, "above 0.8", outcome.result.test_accuracy > 0.8)
    measured.judge_execution(found, "asks_at_import", outcome.execution, device)


def tests(found: Findings, device: str) -> None:
    """Run the tests that need a GPU, those of each file in a process of its own."""
    marked = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.gpu" in path.read_text()]
    environment = os.environ | ({} if device == "cuda" else {"CUDA_VISIBLE_DEVICES": ""})
    for path in marked:
        name = path.relative_to(ROOT).as_posix()
        line = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", name]
        done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        *_, summary = "no summary", *re.findall(r"^.*(?:passed|failed|skipped|error).*$", done.stdout, re.MULTILINE)
        skipped = "skipped" in summary and device == "cuda"
        found.judge(name, summary.strip("= "), "all pass", done.returncode == 0 and not skipped)
        for failure in re.findall(r"^(?:FAILED|ERROR) (.*)$", done.stdout, re.MULTILINE):
            found.judge("failed", failure[:300], "", holds=False)


def repeatability(found: Findings, device: str) -> None:
    """Train each model twice, in two processes: the same seed must give the same weights."""
    from bench.runner.workers.executor import LocalExecutor

    for model in measured.MODELS:
        hashes = []
        for _ in range(2):
            executor = LocalExecutor(measured.data_dir(), fresh_workers=True)
            try:
                outcome = executor.run_trial(measured.trial(model, device, epochs=1), lambda _: None)
            finally:
                executor.close()
            hashes.append(hashlib.sha256(outcome.weights).hexdigest()[:16])
        found.judge(f"weights of {model}", " ".join(hashes), "the same twice", len(set(hashes)) == 1)


CHECKS: dict[str, Callable[[Findings, str], None]] = {
    "versions": versions,
    "fork": fork,
    "tests": tests,
    "repeatability": repeatability,
    "kernels": measured.kernels,
    "article": runs.article,
    "variants": measured.variants,
    "quick": runs.quick,
    "speed": runs.speed,
}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mnist-bench-") as folder:
        yield Path(folder)


def main(name: str, device: str, answer: Path) -> None:
    """Make one check, and write what it has found, also where it fails half-way."""
    found = Findings()
    try:
        CHECKS[name](found, device)
    finally:
        answer.write_text(json.dumps(found.as_json(), default=str))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
