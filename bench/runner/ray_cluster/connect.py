"""Address -> cluster: connect, and check before anything is trained that its nodes can run the trials."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.common.errors import UserError, say
from bench.records.machines import Machine, System
from bench.runner.nodes import check_address, code_sha256, machine_of_node
from bench.runner.ray_cluster.worker import Node, NodeError, inspect_node
from bench.training.devices import available_threads

try:
    import ray
    from ray.exceptions import GetTimeoutError, RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise UserError(
        "--executor ray needs Ray, which is not installed: pip install -c constraints.txt -e '.[cluster]'"
    ) from error

DEVICES = ("auto", "cpu", "cuda")
CONNECT_S = 10
"""Seconds within which a cluster has to answer at its address."""
ANSWER_S = 120
"""Seconds within which every node has to describe itself, starting a process and unpacking the data included."""
OBJECT_STORE_BYTES = 200_000_000
"""Size of the object store of a cluster started here, which passes on a few megabytes at a time."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that can run the trials.

    Each trial takes ``threads`` CPUs of a node and ``gpus`` of its GPUs, so that no two share any; ``at_once`` is how
    many trials fit. ``data_dir`` is where the nodes keep the data; None: each in its own cache. ``started_here``: it
    was started for this call, and ends with it.
    """

    device: str
    threads: int
    gpus: int
    at_once: int
    kinds_of_nodes: tuple[tuple[str, System], ...]
    code: dict[str, str]
    data_dir: Path | None
    started_here: bool

    def kinds(self, driver: Machine) -> tuple[Machine, ...]:
        """The machines that records of this driver name for its nodes."""
        return tuple(machine_of_node(slug, system, driver) for slug, system in self.kinds_of_nodes)

    def has_room(self) -> bool:
        """Whether a node is alive that could take a trial, be it busy now or not."""
        return any(_slots(node, self.device, self.threads) for node in _alive_nodes())

    def close(self) -> None:
        """Leave the cluster, or end it if it was started for this call."""
        if self.started_here:
            ray.shutdown()


def open_cluster(address: str | None, device: str, dataset: str, data_dir: Path | None) -> Cluster:
    """Connect to the cluster at ``address``, or start one of this machine alone where it is None.

    Args:
        address: ``auto`` for the cluster this machine belongs to, or ``HOST:PORT``.
        device: of the trials: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        UserError: the address is malformed, nothing answers there, no node has the device, or a node has other code.
    """
    if device not in DEVICES:
        raise UserError(f"device {device!r} is not for a cluster: use one of {', '.join(DEVICES)}")
    started_here = not ray.is_initialized()
    if started_here:
        _connect(address or os.environ.get("RAY_ADDRESS") or None)
    try:
        return _inspect_cluster(device, dataset, data_dir, started_here)
    except BaseException:
        if started_here:
            ray.shutdown()
        raise


def _connect(address: str | None) -> None:
    if address is not None:
        check_address(address)
        _check_reachable(address)
    options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if address is None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # the user was not asked
        options |= {
            "num_cpus": available_threads(),
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
        }
    _silence_ray()
    try:
        with _sigterm_restored():
            ray.init(address=address or "local", **options)
    except (RayError, OSError, RuntimeError, ValueError, AssertionError) as error:
        action = "start a Ray cluster here" if address is None else f"join the Ray cluster at {address}"
        raise UserError(f"cannot {action}: {_first_sentence(error)}") from error


def _check_reachable(address: str) -> None:
    """Check in another process that a cluster is there; in this one Ray would take a minute and end it.

    Raises:
        UserError: no cluster answers within ``CONNECT_S`` seconds.
    """
    if address != "auto":
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
        except (OSError, UnicodeError) as error:  # the latter where it can be no host's name
            raise UserError(
                f"no Ray cluster answers at {address}: {getattr(error, 'strerror', None) or error}"
            ) from error
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check"]
    command += [] if address == "auto" else ["--address", address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CONNECT_S, check=False)
    except subprocess.TimeoutExpired:
        raise UserError(f"no Ray cluster answers at {address} within {CONNECT_S} s") from None
    if done.returncode == 0:
        return
    if "Could not find any running Ray instance" in done.stderr:
        raise UserError("--ray-address auto: this machine belongs to no Ray cluster; 'ray start' makes it join one")
    last = (done.stderr.strip() or "it is not healthy").splitlines()[-1]
    raise UserError(f"the Ray cluster at {address} cannot be used: {last}")


def _inspect_cluster(device: str, dataset: str, data_dir: Path | None, started_here: bool) -> Cluster:
    nodes = _alive_nodes()
    if device == "auto":
        device = "cuda" if any(_gpus(node) for node in nodes) else "cpu"
    threads = _threads(nodes, device)
    hosts = [node for node in nodes if _slots(node, device, threads)]
    if not hosts:
        raise UserError(f"no node of the cluster has a {'GPU' if device == 'cuda' else 'CPU'}")
    idle = [node for node in nodes if _cpus(node) and node not in hosts]
    if idle:
        say(f"{len(idle)} of {len(nodes)} nodes stay idle: a trial takes {_requirement(device, threads)}")
    code = code_sha256()
    kinds_of_nodes: list[tuple[str, System]] = []
    for number, node in enumerate(_inspect_nodes(hosts, device, dataset, data_dir), 1):
        if isinstance(node, NodeError):
            raise UserError(f"node {number} of {len(hosts)} cannot be used: {node.reason}")
        check_code(node, code, f"node {number} of {len(hosts)}")
        kinds_of_nodes.append((node.slug, node.system))
    at_once = sum(_slots(host, device, threads) for host in hosts)
    kinds = ", ".join(dict.fromkeys(f"{slug}-{system.instruction_set.lower()}" for slug, system in kinds_of_nodes))
    say(f"nodes of the cluster: {len(hosts)} ({kinds}); trials at once: {at_once}")
    return Cluster(
        device=device,
        threads=threads,
        gpus=1 if device == "cuda" else 0,
        at_once=at_once,
        kinds_of_nodes=tuple(dict.fromkeys(kinds_of_nodes)),
        code=code,
        data_dir=data_dir,
        started_here=started_here,
    )


def check_code(node: Node, code: dict[str, str], name: str) -> None:
    """Check that a node has the code and the torch of this machine.

    Raises:
        UserError: it would run something else than the record will say.
    """
    differing = sorted(path for path in code.keys() | node.code.keys() if code.get(path) != node.code.get(path))
    if differing:
        more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
        raise UserError(f"{name} has another {differing[0]}{more}: install the same commit on every node")
    version = metadata.version("torch")
    if node.environment["torch"] != version:
        raise UserError(f"{name} has torch {node.environment['torch']}, here it is {version}: install the same on both")


def _inspect_nodes(
    hosts: list[dict[str, Any]], device: str, dataset: str, data_dir: Path | None
) -> list[Node | NodeError]:
    task = ray.remote(inspect_node)
    descriptions = [
        task.options(
            num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(host["NodeID"], soft=False)
        ).remote(device, dataset, data_dir)
        for host in hosts
    ]
    try:
        return list(ray.get(descriptions, timeout=ANSWER_S))
    except GetTimeoutError:
        raise UserError(f"not every node of the cluster answered within {ANSWER_S} s") from None
    except RayError as error:
        if "No module named" in str(error):
            raise UserError("a node of the cluster has no mnist-bench: install the same commit on every node") from None
        raise UserError(f"a node of the cluster cannot be asked: {_first_sentence(error)}") from error


def _alive_nodes() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _cpus(node: dict[str, Any]) -> int:
    return int(node["Resources"].get("CPU", 0))


def _gpus(node: dict[str, Any]) -> int:
    return int(node["Resources"].get("GPU", 0))


def _threads(nodes: list[dict[str, Any]], device: str) -> int:
    """The CPUs of each trial: those of the largest node, or on GPUs the smallest share of a node's CPUs per GPU."""
    if device == "cuda":
        return max(1, min((_cpus(node) // _gpus(node) for node in nodes if _gpus(node)), default=1))
    return max(1, *map(_cpus, nodes))


def _slots(node: dict[str, Any], device: str, threads: int) -> int:
    """How many trials fit on the node at once."""
    return min(_gpus(node), _cpus(node) // threads) if device == "cuda" else _cpus(node) // threads


def _requirement(device: str, threads: int) -> str:
    return f"a GPU and {threads} CPUs" if device == "cuda" else f"a node with {threads} CPUs"


def _first_sentence(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1] if 'Traceback' in str(error) else lines[0]}" if lines else repr(error)


@contextlib.contextmanager
def _sigterm_restored() -> Iterator[None]:
    """Restore the handler of SIGTERM, which Ray would replace with an exit of its own; the runner handles it."""
    before = None
    with contextlib.suppress(ValueError):  # not in the main thread, where Ray leaves signals alone too
        before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _silence_ray() -> None:
    """Silence Ray's lines about lost nodes on standard output, which is for results; Ray has no option for it."""
    from ray._private import worker

    worker.print_to_stdstream = lambda *_, **__: None
