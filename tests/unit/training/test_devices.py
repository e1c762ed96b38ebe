import os

import pytest

from bench.training.devices import available_threads


def test_the_least_limit_is_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT"):
        monkeypatch.delenv(name, raising=False)
    without = available_threads()
    assert 1 <= without <= (os.cpu_count() or 1)
    for name in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT"):
        monkeypatch.setenv(name, "1")
        assert available_threads() == 1
        monkeypatch.setenv(name, "99")
        assert available_threads() == without
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("quota", "threads"), [(1.5, 1), (0.5, 1), (2.0, 2), (2.9, 2)])
def test_a_share_of_a_processor_is_rounded_down_to_at_least_one(
    quota: float, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"cpu_affinity": 8, "cpu_quota": quota, "omp_num_threads": None}
    monkeypatch.setattr("bench.training.devices.thread_limits", lambda: limits)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert available_threads() == threads
