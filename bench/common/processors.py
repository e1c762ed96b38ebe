"""Limits to the threads of this process: its processors, its container's share of them, and what OpenMP was told."""

import os
from collections.abc import Iterator
from pathlib import Path

OMP_LIMITS = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT")


def thread_limits() -> dict[str, float | None]:
    """The limits by name, in processors or threads; None where there is none."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "cpu_affinity": affinity,
        "cpu_quota": cpu_quota(),
        **{name.lower(): omp_number(os.environ.get(name, "")) for name in OMP_LIMITS},
    }


def omp_number(value: str) -> int | None:
    """Parse a number of threads, or the first of a list for nested levels; None where OpenMP would not take it."""
    levels = [level.strip() for level in value.split(",")]
    if not all(level.isascii() and level.removeprefix("+").isdigit() and int(level) > 0 for level in levels):
        return None
    return int(levels[0])


def cpu_quota(root: Path = Path("/")) -> float | None:
    """The least quota of this process's control groups, in processors; None without one.

    Args:
        root: the folder that holds ``proc`` and ``sys``.
    """
    quotas = [parse_quota(text) for folder in _group_folders(root) if (text := _quota_text(folder))]
    return min((quota for quota in quotas if quota is not None), default=None)


def parse_quota(text: str) -> float | None:
    """Parse a quota and its period in microseconds, as ``150000 100000``; None for ``max`` or -1, which are no limit.

    >>> parse_quota("150000 100000")
    1.5
    """
    try:
        quota, period = map(int, text.split())
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None


def _quota_text(folder: Path) -> str:
    """Read quota and period, which lie in one file since version 2 of control groups; empty where there are none."""
    for names in (["cpu.max"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"]):
        if lines := [_read(folder / name) for name in names if (folder / name).is_file()]:
            return " ".join(lines)
    return ""


def _group_folders(root: Path) -> Iterator[Path]:
    """The folders of this process's groups that may limit its processors, each with its parents up to the mount."""
    mounts = _read(root / "proc/self/mountinfo").splitlines()
    for line in _read(root / "proc/self/cgroup").splitlines():
        controllers, _, group = line.partition(":")[2].partition(":")
        for mount in mounts:
            before, _, after = mount.partition(" - ")
            _, _, _, top, place, *_ = before.split(" ")
            kind, _, options = after.split(" ")[:3]
            if kind == "cgroup2" if not controllers else kind == "cgroup" and _both_cpu(controllers, options):
                yield from _upwards(root / place.lstrip("/"), group, top)


def _both_cpu(controllers: str, options: str) -> bool:
    return "cpu" in controllers.split(",") and "cpu" in options.split(",")


def _upwards(mount: Path, group: str, top: str) -> Iterator[Path]:
    """The folder of a group and its parents; in a container only what lies below ``top`` can be seen, at ``mount``."""
    folder = mount / group.removeprefix(top.rstrip("/")).strip("/")
    yield from (path for path in (folder, *folder.parents) if path.is_relative_to(mount))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeError):
        return ""
