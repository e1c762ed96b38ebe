"""Cache keys: whether a finished run or probe still counts, so that nothing is done twice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.common.package import PACKAGE
from bench.data.registry import find_dataset
from bench.probes.registry import probe_identity
from bench.records.fields import digest
from bench.records.machines import Machine
from bench.records.schema import Data, Run, Trial, trial_id
from bench.records.timing import timing_id
from bench.runner.allocator import effective_settings
from bench.training.version import harness_identity, model_fingerprint

if TYPE_CHECKING:
    from models import ModelSource


@dataclass(frozen=True)
class CodeIdentity:
    """The code of one call: the harness's version or fingerprint, fingerprints of models, identities of probes."""

    harness: str
    models: Mapping[str, str]
    probes: Mapping[str, str]


def identify_code(models: "Mapping[str, ModelSource]", probes: Iterable[str], package: Path = PACKAGE) -> CodeIdentity:
    """Read the source of the harness, of these models as far as it is not read yet, and of the named probes."""
    folder = package.parent / "models"
    return CodeIdentity(
        harness=harness_identity(package),
        models={name: source.fingerprint or source_fingerprint(source, folder) for name, source in models.items()},
        probes={name: probe_identity(name, package) for name in probes},
    )


def source_fingerprint(source: "ModelSource", models: Path = PACKAGE.parent / "models") -> str:
    """Hash the files of a model: its own, what that imports from beside it or from its package, the others it has."""
    first, *rest = source.module.split(".")
    is_package = source.file.stem == "__init__"
    packages = {first: source.file.parents[len(rest) - 1 + is_package]} if rest or (first and is_package) else {}
    return model_fingerprint(source.file, models, source.others, packages)


def run_key(
    trial: Trial, data: Data, code: CodeIdentity, machine: Machine, allocator: Mapping[str, str] | None = None
) -> str:
    """The key of a run: trial, code, torch, threads, the allocator's settings, machine and system.

    Args:
        allocator: the settings where it trains; None: those of a worker started here.
    """
    return digest(
        {
            "trial_id": trial_id(trial, data),
            "classes": find_dataset(trial.dataset).num_classes,
            "machine": machine.id,
            "system": machine.system_id,
        }
        | _trained_by(trial, code, allocator)
    )


def timing_key(trial: Trial, data: Data, code: CodeIdentity, allocator: Mapping[str, str] | None = None) -> str:
    """The key of a model's timing rounds: as that of a run, but the same on all machines and for all seeds.

    Args:
        allocator: see :func:`run_key`.
    """
    return digest({"timing_id": timing_id(trial, data)} | _trained_by(trial, code, allocator))


def _trained_by(trial: Trial, code: CodeIdentity, allocator: Mapping[str, str] | None) -> dict[str, Any]:
    """Describe what takes a trial's steps, whatever the machine."""
    return {
        "model": code.models[trial.model],
        "harness": code.harness,
        "torch": metadata.version("torch"),
        "threads": trial.threads,
        "allocator": dict(effective_settings() if allocator is None else allocator),
    }


def probe_key(probe: str, code: CodeIdentity, run: Run, images: int, train_images: int) -> str:
    """The key of a probe's record: the probed run, the probe's code, and how many images it sees."""
    inputs = {"probe": probe, "source": code.probes[probe], "harness": code.harness, "run": run.stem}
    return digest(inputs | {"images": images, "train_images": train_images})
