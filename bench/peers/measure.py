"""One call of ``bench peers``: every framework in a process of its own, all of them in turn, round by round."""

import contextlib
from collections.abc import Callable, Sequence
from importlib import import_module, metadata

from bench.peer_records import OURS, PeersRecord, PeerTimes
from bench.peers import PEERS, NotPossible, Task
from bench.speed.apart import Timer, timed_apart
from bench.speed.around import begin

ROUNDS = 5


def measure_peers(models: Sequence[str], task: Task, say: Callable[[str], None]) -> PeersRecord:
    """Time each framework on each of ``models``, on the CPU; ``say`` is told what is being measured."""
    end = begin("cpu", task.threads, task.data_dir)
    times = []
    for model in models:
        say(f"{model}: {OURS}, {', '.join(PEERS)} in turn")
        times += _measure(Task(model, task.threads, task.data_dir))
    return PeersRecord(**end(), times=times)


def versions_of(peer: str) -> dict[str, str] | None:
    """Versions of what the framework needs; None where something is not installed."""
    needed = ("torch",) if peer == OURS else PEERS[peer].packages
    try:
        return {package: metadata.version(package) for package in needed}
    except metadata.PackageNotFoundError:
        return None


def _measure(task: Task) -> list[PeerTimes]:
    """Ours and every framework's epochs of one model, in turn; one that cannot do it is a row that says why."""
    seconds: dict[str, list[float]] = {peer: [] for peer in (OURS, *PEERS)}
    notes = {peer: "not installed: make peers installs it" for peer in PEERS if versions_of(peer) is None}
    with contextlib.ExitStack() as stack:
        timers = {
            peer: stack.enter_context(timed_apart(_build, peer, task, as_in_training=peer == OURS))
            for peer in seconds
            if peer not in notes
        }
        for peer, epoch in timers.items():
            notes[peer] = _warm_up(epoch)
        for _ in range(ROUNDS):
            for peer, epoch in timers.items():
                if not notes[peer]:
                    seconds[peer].append(epoch())
    return [
        PeerTimes(
            peer=peer, versions=versions_of(peer) or {}, model=task.model, epoch_s=its, note=notes.get(peer, "")
        )
        for peer, its in seconds.items()
    ]  # fmt: skip


def _warm_up(epoch: Timer) -> str:
    """Set up and train for an epoch, compiling included; gives the reason where that fails."""
    try:
        epoch()
    except NotPossible as error:
        return str(error)
    except Exception as error:  # a framework may do anything
        return " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return ""


def _build(peer: str, task: Task) -> Timer:
    """In the process of that framework, which is imported nowhere else."""
    if peer == OURS:
        return _ours(task)
    timer: Timer = import_module(f"bench.peers.{PEERS[peer].module}").timer(task)
    return timer


def _ours(task: Task) -> Timer:
    from bench.speed.beside import harness_timer
    from bench.speed.subject import Subject

    return harness_timer(Subject(task.model, "cpu", "fp32", task.threads, task.data_dir))
