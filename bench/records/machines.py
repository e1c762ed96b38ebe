"""Systems and machines: a system is a kind of hardware, a machine is one box of it.

Tables speak of systems; folders, locks and cache keys of machines. Two boxes may carry the same marketing name and yet
train the same seeds to other weights, so a system is everything that is known to matter.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from bench.records.fields import Count, Name, PositiveInt, RecordPart, digest

Words = Annotated[str, Field(max_length=200)]


class System(RecordPart):
    """A kind of hardware; null where this machine does not tell.

    ``instruction_set`` is the one that torch's CPU kernels use, as torch names it.
    """

    cpu_model: Words
    cpu_vendor: Words | None = None
    cpu_family: Count | None = None
    cpu_model_number: Count | None = None
    cpu_stepping: Count | None = None
    instruction_set: Name
    logical_cpus: PositiveInt
    l3_bytes: Count | None = None
    gpu_model: Words | None = None

    @property
    def words(self) -> str:
        """The hardware in words: ``AMD EPYC (family 25, model 17, stepping 1), AVX512, 2 CPUs, 32 MiB of L3``."""
        numbers = {"family": self.cpu_family, "model": self.cpu_model_number, "stepping": self.cpu_stepping}
        identity = ", ".join(f"{name} {number}" for name, number in numbers.items() if number is not None)
        cache = "" if self.l3_bytes is None else f", {self.l3_bytes / 2**20:g} MiB of L3"
        gpu = f"{self.gpu_model}; " if self.gpu_model else ""
        cpus = f"{self.logical_cpus} CPU{'s' if self.logical_cpus > 1 else ''}"
        return f"{gpu}{self.cpu_model}{f' ({identity})' if identity else ''}, {self.instruction_set}, {cpus}{cache}"


class Machine(RecordPart):
    """A machine: ``id`` is random, made once per machine; neither part names the host or its user.

    ``system`` is null in records of before, when it was not looked at; such a machine is a system of its own.
    """

    slug: Name
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
    system: System | None = None

    @property
    def name(self) -> str:
        """Name of the machine's folders; two machines in 65,536 of the same kind share one."""
        return f"{self.slug}-{self.id[:4]}"

    @property
    def system_id(self) -> str:
        """Identity of the machine's system; the machine's own where its system is not known."""
        return self.id if self.system is None else digest(self.system.model_dump())

    @property
    def short_label(self) -> str:
        """Name of the system, which others may share; that of the machine where its system is not known."""
        return self.name if self.system is None else f"{self.slug}-{self.system.instruction_set.lower()}"

    @property
    def label(self) -> str:
        """Name of the system in tables."""
        return self.short_label


class AmbiguousMachine(Machine):
    """A machine whose system shares its name with another, shown in tables with more of its identity."""

    @property
    def label(self) -> str:
        return f"{self.slug}-{self.id}" if self.system is None else f"{self.short_label}-{self.system_id[:8]}"


def disambiguated(machines: Iterable[Machine]) -> Mapping[Machine, Machine]:
    """Map each machine to one whose label no machine of another system has.

    Some may have their longer label already, from the folder that they were loaded from.
    """
    distinct = set(machines)
    systems: dict[str, set[str]] = {}
    for machine in distinct:
        systems.setdefault(machine.short_label, set()).add(machine.system_id)
    return {
        machine: AmbiguousMachine(**dict(machine)) if len(systems[machine.short_label]) > 1 else machine
        for machine in distinct
    }


def shared_names(machines: Iterable[Machine]) -> dict[str, set[str]]:
    """Find the names of folders that several machines share, with their ids."""
    ids_by_name: dict[str, set[str]] = {}
    for machine in machines:
        ids_by_name.setdefault(machine.name, set()).add(machine.id)
    return {name: ids for name, ids in ids_by_name.items() if len(ids) > 1}
