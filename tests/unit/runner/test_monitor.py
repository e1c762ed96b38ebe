"""What is seen around a trial."""

from bench.runner.monitor import cpu_share, monitor


def test_no_time_no_share() -> None:
    assert cpu_share(1, 0) is None
    assert cpu_share(-0.01, 2) == 0
    assert cpu_share(3, 2) == 1


def test_on_a_cpu_the_gpu_is_not_asked() -> None:
    around = monitor("cpu")()
    assert around.gpu_before is None
    assert around.gpu_after is None
