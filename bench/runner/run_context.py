"""The context of one call: settings that its trials and probes share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.probes.registry import PROBES
from bench.records.fields import Environment
from bench.records.machines import Machine
from bench.records.schema import Data, Git, Trial
from bench.runner.cache_key import CodeIdentity, run_key

if TYPE_CHECKING:
    from models import ModelSource


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class RunContext:
    """Settings and circumstances that all trials and probes of one call share."""

    results: Path
    locks: Path
    machine: Machine
    git: Git
    data: Data
    environment: Environment
    code: CodeIdentity
    timeout_s: float | None = None
    force: bool = False
    now: Callable[[], datetime] = utc_now
    probes: Mapping[str, int | None] = field(default_factory=dict)
    probe_images: int = 0
    probe_train_images: int = 0
    timing_rounds: int = 0
    """Rounds in turn that every model shall have on this machine."""
    node_kinds: tuple[Machine, ...] = ()
    """The kinds of nodes of the cluster that the trials run on; none: they run on ``machine``."""
    sources: "Mapping[str, ModelSource]" = field(default_factory=dict)
    """Where each model comes from, by its name."""
    brought: Mapping[str, bytes] = field(default_factory=dict)
    """The file of each model that lies neither in ``models`` nor in an installed package, to be kept with its runs."""

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The machines that the records of this call may name."""
        return self.node_kinds or (self.machine,)

    def probes_of(self, trial: Trial) -> list[str]:
        """The probes that are run on the model of ``trial``, once it is trained, as far as its recipe lets them."""
        wanted = [name for name, seeds in self.probes.items() if seeds is None or trial.seed < seeds]
        return [name for name in wanted if not (PROBES[name].shuffles and trial.augmentation)]

    def keys(self, trial: Trial) -> list[str]:
        """The keys under which ``trial`` counts as done: one, or on a cluster one for each kind of node."""
        return [run_key(trial, self.data, self.code, machine) for machine in self.machines]
