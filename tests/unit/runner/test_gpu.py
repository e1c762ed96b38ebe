"""The GPU's driver, played where there is none."""

from types import SimpleNamespace

import pynvml
import pytest

from bench.runner import gpu


def fake_refusal(*_: object) -> None:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


def answer(monkeypatch: pytest.MonkeyPatch, reasons: int, pids: list[int]) -> None:
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
    monkeypatch.setattr(pynvml, "nvmlDeviceGetTemperature", fake_refusal)
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


QUERIES = [
    "nvmlDeviceGetName",
    "nvmlDeviceGetMemoryInfo",
    "nvmlSystemGetDriverVersion",
    "nvmlDeviceGetCurrentClocksThrottleReasons",
    "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetViolationStatus",
    "nvmlDeviceGetComputeRunningProcesses",
    "nvmlShutdown",
]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("query", QUERIES)
def test_what_a_driver_or_its_library_does_not_have_is_unknown(
    query: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, 0, pids=[])
    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", lambda _: b"NVIDIA GB10")
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lambda _: SimpleNamespace(total=2**37))
    monkeypatch.setattr(pynvml, "nvmlSystemGetDriverVersion", lambda: "580.1")
    if known:
        monkeypatch.setattr(pynvml, query, fake_refusal)
    else:
        monkeypatch.delattr(pynvml, query)
    state = gpu.state(own_processes=[])
    assert state is not None
    seen = gpu.describe() | state.model_dump()
    expected: dict[str, tuple[str, object]] = {
        "nvmlDeviceGetName": ("gpu_model", "NVIDIA GB10"),
        "nvmlDeviceGetMemoryInfo": ("gpu_memory_bytes", 2**37),
        "nvmlSystemGetDriverVersion": ("gpu_driver", "580.1"),
        "nvmlDeviceGetCurrentClocksThrottleReasons": ("throttle_reasons", []),
        "nvmlDeviceGetClockInfo": ("clock_mhz", 1980),
        "nvmlDeviceGetViolationStatus": ("throttled_s", 3.0),
        "nvmlDeviceGetComputeRunningProcesses": ("other_processes", 0),
    }
    for name, (field, value) in expected.items():
        assert seen[field] == (None if name == query else value)


@pytest.mark.parametrize("query", ["nvmlInit", "nvmlDeviceGetHandleByIndex"])
def test_without_a_device_there_is_no_gpu(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 0, pids=[])
    monkeypatch.setattr(pynvml, query, fake_refusal)
    assert gpu.describe() == {}
    assert gpu.state(own_processes=[]) is None


@pytest.mark.gpu
def test_a_real_gpu_answers() -> None:
    state = gpu.state(own_processes=[])
    assert state is not None
    assert state.clock_mhz
    assert state.temperature_celsius
