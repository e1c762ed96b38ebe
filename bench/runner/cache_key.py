"""Cache keys: whether a finished run or probe still counts, so that nothing is done twice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench.common.package import PACKAGE
from bench.data.registry import find_dataset
from bench.probes.registry import probe_identity
from bench.records.schema import Data, Machine, Run, Trial, digest, trial_id
from bench.runner.allocator import effective_settings
from bench.training.version import harness_identity, model_fingerprint


@dataclass(frozen=True)
class CodeIdentity:
    """The code of one call: the harness's version or fingerprint, fingerprints of models, identities of probes."""

    harness: str
    models: Mapping[str, str]
    probes: Mapping[str, str]


def identify_code(models: Mapping[str, Path], probes: Iterable[str], package: Path = PACKAGE) -> CodeIdentity:
    """Read the source of the harness, of the models in these files by their names, and of the named probes."""
    return CodeIdentity(
        harness=harness_identity(package),
        models={name: model_fingerprint(source, package.parent / "models") for name, source in models.items()},
        probes={name: probe_identity(name, package) for name in probes},
    )


def run_key(
    trial: Trial, data: Data, code: CodeIdentity, machine: Machine, allocator: Mapping[str, str] | None = None
) -> str:
    """The key of a run: the trial, the code that trains it, torch, threads, the allocator's settings, the machine.

    Args:
        allocator: the settings where it trains; None: those of a worker started here.
    """
    return digest(
        {
            "trial_id": trial_id(trial, data),
            "model": code.models[trial.model],
            "harness": code.harness,
            "torch": metadata.version("torch"),
            "threads": trial.threads,
            "classes": find_dataset(trial.dataset).num_classes,
            "allocator": dict(effective_settings() if allocator is None else allocator),
            "machine": machine.id,
        }
    )


def probe_key(probe: str, code: CodeIdentity, run: Run, images: int, train_images: int) -> str:
    """The key of a probe's record: the probed run, the probe's code, and how many images it sees."""
    inputs = {"probe": probe, "source": code.probes[probe], "harness": code.harness, "run": run.stem}
    return digest(inputs | {"images": images, "train_images": train_images})
