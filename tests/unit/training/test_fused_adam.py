"""Adam called directly against torch's optimizer."""

import pytest
import torch
from torch import nn

from bench.training.fused_adam import FusedAdam

SHAPES = [(40, 30), (40,), (7, 300), (8, 3, 3, 3), (1, 5000)]


def parameters() -> list[nn.Parameter]:
    random = torch.Generator().manual_seed(0)
    made = [nn.Parameter(torch.randn(shape, generator=random)) for shape in SHAPES]
    made[3].data = made[3].data.contiguous(memory_format=torch.channels_last)
    return made


def gradients(step: int) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(1 + step)
    made = [torch.randn(shape, generator=random) for shape in SHAPES]
    made[3] = made[3].contiguous(memory_format=torch.channels_last)
    return made


@pytest.mark.parametrize("piece", [None, 100, 1000, 10**6])
def test_steps_are_those_of_torchs_optimizer(piece: int | None) -> None:
    """To the bit where nothing is cut; the end of a piece is computed by other instructions than its middle."""
    own, expected = parameters(), parameters()
    optimizer = torch.optim.Adam(expected, lr=0.01, weight_decay=0.1, fused=True)
    adam = FusedAdam([parameter.detach() for parameter in own], optimizer.param_groups[0], piece)
    for step in range(3):
        for parameter, gradient in zip(expected, gradients(step), strict=True):
            parameter.grad = gradient
        optimizer.step()
        large, *others = gradients(step)
        if piece == 100:
            large = large.t().contiguous().t()  # as a matrix product may leave it
        adam.step([large, *others])
    exact = piece is None or piece > 5000
    for parameter, other in zip(own, expected, strict=True):
        torch.testing.assert_close(parameter, other, rtol=0 if exact else 1e-6, atol=0 if exact else 1e-7)


def test_large_matrices_alone_are_cut_into_whole_rows() -> None:
    options = torch.optim.Adam(parameters()).param_groups[0]
    adam = FusedAdam([parameter.detach() for parameter in parameters()], options, piece=100)
    sizes = [part.numel() for part in adam._parameters]
    assert sizes == [90] * 13 + [30, 40] + [300] * 7 + [216, 5000]


def test_a_reset_optimizer_begins_anew() -> None:
    options = torch.optim.Adam(parameters()).param_groups[0]
    used, new = (parameters() for _ in range(2))
    adam = FusedAdam([parameter.detach() for parameter in used], options, piece=100)
    for step in range(3):
        adam.step(gradients(step))
    for parameter, value in zip(used, parameters(), strict=True):
        parameter.data.copy_(value)
    adam.reset()
    adam.step(gradients(5))
    FusedAdam([parameter.detach() for parameter in new], options, piece=100).step(gradients(5))
    assert all(torch.equal(a, b) for a, b in zip(used, new, strict=True))
