"""What is seen around a trial, with real processes; the GPU's driver is played where there is none."""

import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pynvml
import pytest

from bench.runner import gpu
from bench.runner.monitor import cpu_share, monitor

BUSY = "import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass"


def test_own_work_and_that_of_own_children_is_not_anothers() -> None:
    finish = monitor("cpu")
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    share = finish().other_cpu_share
    assert share is not None
    assert share < 0.3  # the busy child alone is at least one core of two


@pytest.fixture
def stranger() -> Iterator[None]:
    """A busy program that is not ours: its parent ends and leaves it to the system."""
    code = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {BUSY.replace('1.5', '6')!r}])"
    subprocess.run([sys.executable, "-c", code], check=True)
    yield
    time.sleep(0.1)


@pytest.mark.usefixtures("stranger")
def test_another_program_is_seen() -> None:
    time.sleep(0.5)
    finish = monitor("cpu")
    time.sleep(2)
    share = finish().other_cpu_share
    assert share is not None
    assert share > 0.5 / psutil_count()


def psutil_count() -> int:
    import psutil

    return psutil.cpu_count() or 1


def test_no_time_no_share() -> None:
    assert cpu_share(1, 0) is None
    assert cpu_share(-0.01, 2) == 0
    assert cpu_share(3, 2) == 1


def test_on_a_cpu_the_gpu_is_not_asked() -> None:
    around = monitor("cpu")()
    assert around.gpu_before is None
    assert around.gpu_after is None


def answer(monkeypatch: pytest.MonkeyPatch, reasons: int, pids: list[int]) -> None:
    def refuse(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    answers = {
        "nvmlInit": None,
        "nvmlShutdown": None,
        "nvmlDeviceGetHandleByIndex": "handle",
        "nvmlDeviceGetCurrentClocksThrottleReasons": reasons,
        "nvmlDeviceGetClockInfo": 1980,
        "nvmlDeviceGetViolationStatus": SimpleNamespace(violationTime=1_500_000_000),
        "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=pid) for pid in pids],
    }
    for name, value in answers.items():
        monkeypatch.setattr(pynvml, name, lambda *_, value=value: value)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetTemperature", refuse)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")


def test_the_gpu_is_asked_for_clocks_throttling_and_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    heat, idle = pynvml.nvmlClocksThrottleReasonHwThermalSlowdown, pynvml.nvmlClocksThrottleReasonGpuIdle
    answer(monkeypatch, heat | idle, pids=[1, 4242])
    state = gpu.state(own_processes=[4242])
    assert state is not None
    assert (state.clock_mhz, state.throttle_reasons, state.throttled_s) == (1980, ["heat"], 3.0)
    assert state.other_processes == 1, "process 1 exists and is not ours"
    assert state.temperature_celsius is None, "the driver does not say"


def test_processes_of_another_namespace_are_unknown_and_not_others(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 0, pids=[2**30])
    state = gpu.state(own_processes=[])
    assert state is not None
    assert state.other_processes is None


@pytest.mark.gpu
def test_a_real_gpu_answers() -> None:
    state = gpu.state(own_processes=[])
    assert state is not None
    assert state.clock_mhz
    assert state.temperature_celsius
