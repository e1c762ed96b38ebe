"""What decides whether a finished run answers for a trial, so that it need not be trained again."""

import hashlib
from importlib import metadata
from pathlib import Path

from bench.records import Data, Machine, Trial, digest, trial_id

HARNESS = (
    "train", "epochs", "steps", "capture", "cuda_graphs", "pipeline", "evaluate", "precision", "recipes", "trials",
)  # fmt: skip
"""The modules whose change makes a finished trial worth running again."""


def run_key(trial: Trial, data: Data, model_sha256: str, machine: Machine) -> str:
    """Of the trial's identity, the code that trains it (``model_sha256``: of the model's file), torch, the machine."""
    return digest(
        {
            "trial_id": trial_id(trial, data),
            "model": model_sha256,
            "harness": harness_sha256(),
            "torch": metadata.version("torch"),
            "threads": trial.threads,
            "machine": machine.id,
        }
    )


def harness_sha256() -> dict[str, str]:
    """SHA-256 of each module that shapes what training does."""
    folder = Path(__file__).parent
    return {name: hashlib.sha256((folder / f"{name}.py").read_bytes()).hexdigest() for name in HARNESS}
