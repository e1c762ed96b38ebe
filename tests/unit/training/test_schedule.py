"""Learning rates, set before each step, as numbers and as tensors that count for themselves."""

from typing import Any

import pytest
import torch

from bench.training.schedule import Rates

FACTORS = [0.5, 1.0, 0.25]


@pytest.mark.parametrize("device", [None, torch.device("cpu")])
def test_each_step_has_its_rate_and_the_last_stays(device: torch.device | None) -> None:
    groups: list[dict[str, Any]] = [{"lr": 0.1}, {"lr": 2.0}]
    rates = Rates(groups, FACTORS, device)
    for _ in range(2):
        seen = []
        for _ in range(5):
            rates.advance()
            seen.append([float(group["lr"]) for group in groups])
        assert seen == [pytest.approx([0.1 * factor, 2 * factor]) for factor in (0.5, 1, 0.25, 0.25, 0.25)]
        rates.reset()


def test_tensors_stay_where_they_are() -> None:
    """A recorded step reads and writes the same memory each time it is replayed."""
    groups: list[dict[str, Any]] = [{"lr": 0.1}]
    rates = Rates(groups, FACTORS, torch.device("cpu"))
    rate = groups[0]["lr"]
    rates.advance()
    rates.reset()
    rates.advance()
    assert groups[0]["lr"] is rate


def test_a_constant_rate_is_left_alone() -> None:
    groups: list[dict[str, Any]] = [{"lr": 0.1}]
    rates = Rates(groups, [1.0] * 5, torch.device("cpu"))
    rates.advance()
    assert groups == [{"lr": 0.1}]


def test_after_a_reset_the_rates_are_the_first_ones() -> None:
    """Rprop's step sizes and ASGD's begin at the rate of the moment in which they are reset."""
    for device in (None, torch.device("cpu")):
        groups: list[dict[str, Any]] = [{"lr": 0.1}]
        rates = Rates(groups, FACTORS, device)
        assert float(groups[0]["lr"]) == pytest.approx(0.05)
        for _ in range(3):
            rates.advance()
        rates.reset()
        assert float(groups[0]["lr"]) == pytest.approx(0.05)
