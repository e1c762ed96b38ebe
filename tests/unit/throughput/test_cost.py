"""What a step costs, counted."""

import pytest
import torch

from bench.throughput.cost import traffic
from bench.throughput.step_times import BATCH_SIZES
from bench.training.model.flops import infer_flops_per_image
from models import create_model


def test_traffic_is_what_operations_read_and_write() -> None:
    numbers = torch.ones(1000)
    assert traffic(lambda: numbers.relu()) == 8000
    assert traffic(lambda: numbers.view(10, 100).t()) == 0, "a view moves nothing"
    assert traffic(lambda: numbers.add_(1)) == 8000


@pytest.mark.parametrize(("model", "flops"), [("softmax", 2 * 784 * 10), ("mlp", 2 * (784 * 256 + 256 * 128 + 1280))])
def test_a_forward_pass_counts_two_for_each_weight(model: str, flops: int) -> None:
    assert infer_flops_per_image(create_model(model)) == flops


def test_batch_sizes_hold_the_recipes_and_a_single_image() -> None:
    assert {1, 128} <= set(BATCH_SIZES)
