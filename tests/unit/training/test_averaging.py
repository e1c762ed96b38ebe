"""The running mean of the weights, against its formula."""

import torch
from torch import nn

from bench.training.averaging import WeightAverage


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def set_to(network: nn.Module, value: float) -> None:
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.fill_(value)


def weights(network: nn.Module) -> set[float]:
    return {round(value, 6) for parameter in network.parameters() for value in parameter.flatten().tolist()}


def test_it_is_a_plain_mean_until_it_spans_what_the_decay_remembers() -> None:
    network = model()
    average = WeightAverage(network, decay=0.75)
    expected = 0.0
    for step, value in enumerate([4.0, 8.0, 0.0, 12.0, 20.0], 1):
        set_to(network, value)
        average.update()
        weight = max(0.25, 1 / step)
        expected += weight * (value - expected)
        if step <= 4:
            assert abs(expected - sum([4.0, 8.0, 0.0, 12.0][:step]) / step) < 1e-9
    average.apply()
    assert weights(network) == {expected}
    assert network[1].running_mean.tolist() == [expected] * 2  # type: ignore[index,union-attr]
    assert network[1].num_batches_tracked.item() == 20  # type: ignore[index,union-attr]


def test_the_weights_are_back_after_the_block_to_the_bit() -> None:
    network = model()
    before = [tensor.clone() for tensor in network.state_dict().values()]
    average = WeightAverage(network, decay=0.9)
    average.update()
    set_to(network, 3.0)
    average.update()
    with average.applied():
        assert weights(network) != {3.0}
    assert weights(network) == {3.0}
    average.reset()
    average.apply()
    assert weights(network) == {3.0}
    assert not all(torch.equal(one, other) for one, other in zip(before, network.state_dict().values(), strict=True))
