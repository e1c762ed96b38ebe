import sys

import pytest
import torch

from bench.training.memory import forget_peak, measure_memory

CPU = torch.device("cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep the peak for good")
def test_a_peak_that_was_forgotten_does_not_count() -> None:
    size = 200 * 2**20
    before = measure_memory(CPU).process_peak_bytes
    ballast = bytearray(b"x") * (before + size)
    assert measure_memory(CPU).process_peak_bytes > before + size
    del ballast
    forget_peak(CPU)
    after = measure_memory(CPU).process_peak_bytes
    assert after < before + size
    ballast = bytearray(b"x") * size
    assert measure_memory(CPU).process_peak_bytes > after + 0.9 * size
    del ballast
    assert measure_memory(CPU).device_peak_bytes is None
