"""Hand-written records with round numbers."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.records.machines import Machine
from bench.records.probes import ProbeRecord
from bench.records.schema import (
    Clock,
    Data,
    Epoch,
    Execution,
    Flag,
    Git,
    Memory,
    ModelInfo,
    Result,
    Run,
    Trial,
    artifact_names,
    run_stem,
    trial_id,
)
from bench.records.storage import Predictions
from bench.records.surroundings import Surroundings
from bench.records.throughput import ARTICLE, OURS, Cost, EpochTimes, ModelThroughput, Peaks, StepTime, ThroughputRecord

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DATA = Data(sha256={"t10k-images-idx3-ubyte": "0" * 64})
MACHINE = Machine(slug="test-cpu", id="0123abcd")
SIZES = {
    "softmax": (7850, 31360),
    "mlp": (235146, 1007104),
    "cnn": (421642, 24995328),
    "mlp_matched": (421360, 1684704),
}


def make_trial(**changes: Any) -> Trial:
    plain = {
        "suite": "article",
        "model": "cnn",
        "recipe": "article",
        "dataset": "mnist",
        "seed": 0,
        "epochs": 2,
        "batch_size": 128,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "precision": "fp32",
        "device": "cpu",
        "threads": 2,
        "train_size": 60000,
    }
    return Trial(**(plain | changes))


def make_run(
    model: str = "cnn",
    seed: int = 0,
    accuracy: float = 0.99,
    epoch_s: float = 10.0,
    status: str = "done",
    later: float = 0.0,
    machine: Machine = MACHINE,
    **trial_changes: Any,
) -> Run:
    """A run whose accuracy rises to ``accuracy`` and whose epochs take ``epoch_s``; ``later`` in seconds."""
    trial = make_trial(model=model, seed=seed, **trial_changes)
    started = START + timedelta(seconds=later)
    done = status == "done"
    parameters, flops = SIZES.get(model, (1000, 2000))
    epochs = [
        Epoch(
            epoch=number,
            train_s=epoch_s,
            eval_s=epoch_s / 10,
            train_loss=0.1 / number,
            test_loss=0.2 / number,
            test_accuracy=accuracy - 0.01 * (trial.epochs - number),
        )
        for number in range(1, trial.epochs + 1)
    ]
    key = f"{(seed + 1) * 7919:016x}"
    return Run(
        trial_id=trial_id(trial, DATA),
        key=key,
        status=status,
        error=None if done else "worker killed by SIGKILL",
        started_at=started,
        finished_at=started + timedelta(seconds=epoch_s * trial.epochs),
        model=ModelInfo(name=model, parameters=parameters, train_flops_per_image=flops, source_sha256="a" * 64),
        trial=trial,
        epochs=epochs if done else epochs[:1],
        result=Result(test_accuracy=accuracy, test_loss=0.1, test_size=10_000, train_images_per_s=60_000 / epoch_s)
        if done
        else None,
        execution=Execution(mode="captured") if done else None,
        clock=Clock(
            startup_s=2,
            setup_s=0.5,
            warmup_s=0.5,
            train_s=epoch_s * trial.epochs,
            eval_s=epoch_s * trial.epochs / 10,
            total_s=3 + epoch_s * trial.epochs * 1.1,
        )
        if done
        else None,
        memory=Memory(process_peak_bytes=10**9) if done else None,
        environment={"os": "Linux", "cpu_model": "Test CPU", "python": "3.11.7", "torch": "2.15.0"},
        machine=machine,
        git=Git(commit="c0ffee" + "0" * 34, dirty=False),
        data=DATA,
        artifacts=artifact_names(run_stem(trial, key, started)) if done else None,
    )


PROBABILITIES = "outputs sum to 1: they are probabilities, not logits"


def flagged(run: Run, note: str = PROBABILITIES, name: str = "no_logits") -> Run:
    """The run with one more flag."""
    return run.model_copy(update={"flags": [*run.flags, Flag.model_validate({"name": name, "note": note})]})


def make_predictions(accuracy: float = 0.9, size: int = 10_000, seed: int = 0) -> Predictions:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, size, dtype=np.uint8)
    wrong = random.permutation(size) < round(size * (1 - accuracy))
    predicted = np.where(wrong, (labels + 1) % 10, labels).astype(np.uint8)
    chosen = np.concatenate([np.flatnonzero(~wrong)[:12], np.flatnonzero(wrong)[:12]])
    return Predictions(
        labels=labels,
        predicted=predicted,
        example_index=chosen,
        example_images=random.integers(0, 256, (len(chosen), 28, 28), dtype=np.uint8),
        example_confidence=np.full(len(chosen), 0.75, dtype=np.float32),
    )


def make_probe(
    run: Run, probe: str = "distortion", images: int = 10_000, train_images: int = 0, later: float = 0, **numbers: float
) -> ProbeRecord:
    """What ``run`` answered to a probe; ``later`` in minutes."""
    return ProbeRecord(
        probe=probe,
        key=f"{images + train_images:08x}" + "0" * 8,
        run=run.stem,
        images=images,
        train_images=train_images,
        numbers=numbers,
        seconds=1,
        started_at=START + timedelta(minutes=later),
        machine=run.machine,
        git=Git(commit=None, dirty=None),
    )


CONDITIONS: dict[str, Any] = {
    "device": "cpu",
    "threads": 2,
    "started_at": START,
    "seconds": 60,
    "machine": MACHINE,
    "git": Git(commit="c0ffee" + "0" * 34, dirty=False),
    "environment": {"os": "Linux"},
    "surroundings": Surroundings(other_cpu_share=0.01),
}
"""Of whatever is measured beside training."""


def make_speed(precision: str = "fp32") -> ThroughputRecord:
    """One model: epochs of 30, 40, 20 s by the article's loop and 10 s by ours; a step of 128 images takes 0.01 s."""

    def times(phase: str, batch_size: int, seconds: float) -> StepTime:
        parts = {"median_s": seconds, "low_quartile_s": seconds, "high_quartile_s": seconds, "rounds": 5}
        return StepTime.model_validate({"phase": phase, "batch_size": batch_size} | parts)

    return ThroughputRecord(
        **CONDITIONS,
        precision=precision,
        peaks=Peaks(matmul_flops_per_s=1e11, copy_bytes_per_s=2e10),
        models=[
            ModelThroughput(
                model="cnn",
                times=[
                    EpochTimes(framework=ARTICLE, epoch_s=[30.0] * 5),
                    EpochTimes(framework=OURS, epoch_s=[10.0] * 5),
                ],
                step_times=[
                    times("train", 1, 0.001),
                    times("infer", 1, 0.0001),
                    times("train", 128, 0.01),
                    times("infer", 128, 0.001),
                ],
                cost=Cost(
                    parameters=421_642,
                    batch_size=128,
                    train_flops_per_image=1_000_000,
                    infer_flops_per_image=300_000,
                    train_bytes_per_image=100_000,
                    infer_bytes_per_image=30_000,
                    memory_bytes=1_000_000_000,
                    idle_bytes=500_000_000,
                ),
            )
        ],
    )


def without_flops(record: ThroughputRecord) -> ThroughputRecord:
    """The record of models whose operations torch cannot count."""
    unknown = {"train_flops_per_image": None, "infer_flops_per_image": None}
    models = [
        model.model_copy(update={"cost": model.cost and model.cost.model_copy(update=unknown)})
        for model in record.models
    ]
    return record.model_copy(update={"models": models})


def make_peers() -> ThroughputRecord:
    times = [
        EpochTimes(framework=OURS, versions={"torch": "2.15.0"}, epoch_s=[1.0] * 5),
        EpochTimes(framework="jax", versions={"jax": "1.0"}, epoch_s=[2.0] * 5),
        EpochTimes(framework="lightning", versions={}, epoch_s=[], note="not installed"),
        EpochTimes(framework="keras-tensorflow", versions={"keras": "3"}, epoch_s=[0.5] * 5),
    ]
    return ThroughputRecord(**CONDITIONS, precision="fp32", models=[ModelThroughput(model="mlp", times=times)])


def saved_benchmarks(median_s: float = 0.01, **conditions: Any) -> dict[str, Any]:
    """A saved run of one case, with what pytest-benchmark writes as far as it is read."""
    return saved_cases({"test_x[cnn]": median_s}, **conditions)


def saved_cases(
    medians_s: Mapping[str, float],
    *,
    threshold: float = 0.3,
    commit: str | None = "c0ffee",
    dirty: bool | None = False,
    torch: str = "2.15.0",
    python: str = "3.11.7",
    processor: str = "Test CPU",
    deselected: Sequence[str] = (),
    **conditions: Any,
) -> dict[str, Any]:
    """The same of several cases, whose names and median seconds are given."""
    extra = {"threshold": threshold, "conditions": {"device": "cpu", "threads": 2} | conditions}
    return {
        "datetime": "2026-01-02T03:04:05.678901+00:00",
        "machine_info": {
            "python_version": python,
            "cpu": {"brand_raw": processor, "count": 2},
            "libraries": {"torch": torch},
            "gpu": {},
        },
        "commit_info": {"id": commit, "dirty": dirty},
        "deselected": list(deselected),
        "benchmarks": [
            {"fullname": f"tests/benchmarks/test_x.py::{name}", "stats": {"median": median_s}, "extra_info": extra}
            for name, median_s in medians_s.items()
        ],
    }


def save_benchmarks(folder: Path, *runs: dict[str, Any]) -> list[Path]:
    """Write saved runs into a machine's folder, under the next numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    first = len(list(folder.glob("*.json"))) + 1
    paths = [folder / f"{number:04d}_x.json" for number in range(first, first + len(runs))]
    for path, run in zip(paths, runs, strict=True):
        path.write_text(json.dumps(run))
    return paths
