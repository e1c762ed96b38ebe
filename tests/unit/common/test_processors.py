"""Limits to threads, read from the files that the kernel shows a process, written here as it writes them."""

from pathlib import Path

import pytest

from bench.common.processors import cpu_quota, omp_number, parse_quota, thread_limits

V1 = "33 31 0:30 {top} /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct"
V2 = "33 31 0:30 {top} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
OTHERS = ["22 27 0:21 / /proc rw,relatime - proc proc rw", "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup x rw,cpuset"]


def system(root: Path, mount: str, groups: list[str], quotas: dict[str, str]) -> Path:
    files = {
        "proc/self/mountinfo": "\n".join([*OTHERS, mount]),
        "proc/self/cgroup": "\n".join(groups),
        **{f"sys/fs/cgroup/{name}": f"{text}\n" for name, text in quotas.items()},
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("150000 100000", 1.5),
        ("50000 100000", 0.5),
        ("max 100000", None),
        ("-1 100000", None),
        ("100000 0", None),
        ("", None),
        ("100000", None),
    ],
)
def test_a_quota_is_a_number_of_processors(text: str, quota: float | None) -> None:
    assert parse_quota(text) == quota


def test_the_least_quota_on_the_way_up_counts(tmp_path: Path) -> None:
    quotas = {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000", "a/b/c/cpu.max": "400000 100000"}
    assert cpu_quota(system(tmp_path, V2.format(top="/"), ["0::/a/b/c"], quotas)) == 3


def test_in_a_container_the_group_is_the_root_of_what_is_mounted(tmp_path: Path) -> None:
    quota = {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}
    groups = ["5:cpu,cpuacct:/docker/0a1b", "4:cpuset:/docker/0a1b", "0::/"]
    assert cpu_quota(system(tmp_path / "v1", V1.format(top="/docker/0a1b"), groups, quota)) == 0.5
    assert cpu_quota(system(tmp_path / "v2", V2.format(top="/"), ["0::/"], {"cpu.max": "250000 100000"})) == 2.5
    outside = system(tmp_path / "v3", V2.format(top="/"), ["0::/../other"], {"cpu.max": "250000 100000"})
    assert cpu_quota(outside) == 2.5


def test_a_group_of_another_process_does_not_count(tmp_path: Path) -> None:
    quotas = {"a/cpu.max": "300000 100000", "other/cpu.max": "100000 100000"}
    assert cpu_quota(system(tmp_path, V2.format(top="/"), ["0::/a"], quotas)) == 3


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    unlimited = {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}
    assert cpu_quota(system(tmp_path, V1.format(top="/"), ["5:cpu,cpuacct:/"], unlimited)) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("3", 3),
        (" 3 ", 3),
        ("4,2", 4),
        ("", None),
        ("abc", None),
        ("0", None),
        ("-2", None),
        ("1.5", None),
        ("4,", None),
        ("²", None),
    ],
)
def test_numbers_of_threads_are_read_as_openmp_reads_them(
    value: str, number: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert omp_number(value) == number
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    limits = thread_limits()
    assert (limits["omp_num_threads"], limits["omp_thread_limit"]) == (number, None)
