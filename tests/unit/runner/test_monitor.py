"""What is seen around a trial."""

import psutil
import pytest

from bench.runner.monitor import cpu_share, monitor


def test_no_time_no_share() -> None:
    assert cpu_share(1, 0) is None
    assert cpu_share(-0.01, 2) == 0
    assert cpu_share(3, 2) == 1


def test_on_a_cpu_the_gpu_is_not_asked() -> None:
    around = monitor("cpu")()
    assert around.gpu_before is None
    assert around.gpu_after is None


def test_where_the_system_does_not_tell_the_share_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PermissionError(13, "Permission denied", "/proc/stat")

    monkeypatch.setattr(psutil, "cpu_times", refuse)
    assert monitor("cpu")().other_cpu_share is None
