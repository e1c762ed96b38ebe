"""Nodes of a cluster, on which several trials run in parallel."""

import hashlib
import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from bench.common.errors import UserError
from bench.records.fields import Environment, digest
from bench.records.machines import Machine, System
from bench.records.schema import Epoch
from bench.records.surroundings import Surroundings
from bench.training.result import Trained

T = TypeVar("T")
R = TypeVar("R")

PACKAGES = ("bench", "models")


@dataclass(frozen=True)
class NodeDescription:
    """A node's kind of machine and its environment, as they are in a record, and its allocator's settings."""

    machine: Machine
    environment: Environment
    allocator: Mapping[str, str]


Event = Epoch | Trained | NodeDescription | Surroundings
"""An event of a running trial. A node description is the start of an attempt on that node; it voids all before it."""


class ParallelMap(Protocol):
    """A ``map`` that may run calls in parallel and yields the results in the order in which they come."""

    def __call__(self, work: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]: ...


def machine_of_node(slug: str, system: System, driver: Machine) -> Machine:
    """The machine that records name for nodes of this system: one for all, which share finished trials.

    The driver's own system is the driver's machine. The id of another is made from the driver's, so that it is the same
    in the next call and no other driver's.
    """
    if system == driver.system:
        return driver
    kind = digest({"driver": driver.id, "slug": slug, "system": system.model_dump()})
    return Machine(slug=slug, id=kind[:8], system=system)


def check_address(address: str) -> None:
    """Check the form of a cluster's address.

    Raises:
        UserError: it is neither ``auto`` nor ``HOST:PORT``.
    """
    port = re.fullmatch(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(\d{4,5})", address)
    if address != "auto" and not (port and 1024 <= int(port[1]) <= 65535):
        raise UserError(
            f"--ray-address is {address!r}: write auto, or HOST:PORT as 'ray start --head' prints it, "
            "with a port from 1024 to 65535"
        )


def code_sha256() -> dict[str, str]:
    """The SHA-256 of every Python file of this package and of the models, by path. Imports no model."""
    hashes = {}
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in map(Path, spec.submodule_search_locations or [] if spec else []):
            for path in sorted(folder.rglob("*.py")):
                name = f"{package}/{path.relative_to(folder).as_posix()}"
                hashes[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes
