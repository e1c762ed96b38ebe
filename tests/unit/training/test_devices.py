import os

import pytest
import torch

from bench.training.devices import available_threads, cuda_refusal, resolve_device


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


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("The NVIDIA driver on your system is too old (found version 11040).\nPlease update it", True),
        ("Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU", False),
        ("No CUDA GPUs are available", False),
    ],
)
def test_auto_tells_of_a_gpu_that_torch_cannot_use(
    error: str, told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """CUDA's answers are faked: there is no such machine here."""

    def fake_init() -> None:
        raise RuntimeError(error)

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", fake_init)
    assert resolve_device("auto") == "cpu"
    text = f"torch cannot use this machine's GPU, so auto does without ({' '.join(error.split())})\n"
    assert capsys.readouterr().err == (text if told else "")


def test_nothing_is_told_where_torch_has_the_gpu_or_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert cuda_refusal() == ""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert cuda_refusal() == ""
