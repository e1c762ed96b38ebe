"""Any optimizer of torch by its name, with its arguments checked by a step that is really taken."""

import pytest
import torch
from torch import nn

from bench.common.errors import UserError
from bench.recipes.optimizers import (
    OPTIMIZERS,
    check_optimizer,
    is_recordable,
    make_optimizer,
    optimizer_groups,
    reset_state,
)
from bench.recipes.recipe import ARTICLE
from bench.records.recipe import OptimizerSettings

USABLE = sorted(set(OPTIMIZERS) - {"lbfgs", "sparseadam", "muon"})


def settings(name: str, **arguments: object) -> OptimizerSettings:
    return OptimizerSettings.model_validate(
        {"optimizer": name, "learning_rate": 0.01, "optimizer_arguments": arguments}
    )


def parameters() -> list[nn.Parameter]:
    random = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=random)) for shape in ((5, 4), (4,))]


def step(optimizer: torch.optim.Optimizer, own: list[nn.Parameter], number: int) -> None:
    random = torch.Generator().manual_seed(1 + number)
    for parameter in own:
        parameter.grad = torch.randn(parameter.shape, generator=random)
    optimizer.step()


@pytest.mark.parametrize("name", USABLE)
def test_it_is_torchs_own(name: str) -> None:
    own, expected = parameters(), parameters()
    check_optimizer(settings(name))
    optimizer, plain = make_optimizer(settings(name), own, fused=True), OPTIMIZERS[name](expected, lr=0.01)  # type: ignore[call-arg]
    for number in range(3):
        step(optimizer, own, number)
        step(plain, expected, number)
    for one, other in zip(own, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in USABLE if is_recordable(settings(name))])
@pytest.mark.parametrize("momentum", [False, True])
def test_what_may_be_recorded_begins_anew_in_the_same_tensors(name: str, momentum: bool) -> None:
    """A recording takes steps to warm up; the first step after a reset must be that of a new optimizer."""
    if momentum and name not in ("sgd", "rmsprop"):
        pytest.skip("has no such argument")
    chosen = settings(name, momentum=0.9) if momentum else settings(name)
    used, new = parameters(), parameters()
    optimizer = make_optimizer(chosen, used, fused=True)
    for number in range(3):
        step(optimizer, used, number)
    tensors = {id(value) for state in optimizer.state.values() for value in state.values()}
    for parameter, value in zip(used, parameters(), strict=True):
        parameter.data.copy_(value)
    reset_state(optimizer)
    fresh = make_optimizer(chosen, new, fused=True)
    for number in range(2):
        step(optimizer, used, number)
        step(fresh, new, number)
    assert all(torch.equal(one, other) for one, other in zip(used, new, strict=True))
    assert {id(value) for state in optimizer.state.values() for value in state.values()} == tensors


def test_what_counts_its_steps_in_this_process_is_not_recorded() -> None:
    assert not is_recordable(settings("adagrad"))
    assert not is_recordable(settings("muon"))
    assert not is_recordable(settings("sgd", momentum=0.9, dampening=0.1))
    assert is_recordable(settings("sgd", momentum=0.9, nesterov=True))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("addam", {}, "unknown optimizer 'addam': did you mean 'adam'"),
        ("adam", {"weight_dekay": 0.1}, "unknown argument of adam 'weight_dekay': did you mean 'weight_decay'"),
        ("adam", {"lr": 0.1}, "the rate is learning_rate"),
        ("adam", {"fused": False}, "unknown argument of adam 'fused'"),
        ("adam", {"betas": (0.9, 1.5)}, "adam cannot be used: Invalid beta parameter"),
        ("adam", {"betas": "high"}, "adam cannot be used"),
        ("sgd", {"nesterov": True}, "sgd cannot be used: Nesterov momentum requires a momentum"),
        ("lbfgs", {}, "evaluates the model several times in a step"),
        ("sparseadam", {}, "does not support dense gradients"),
        ("muon", {}, "a table [others] names the optimizer"),
    ],
)
def test_what_cannot_be_used_is_one_line(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as error:
        check_optimizer(settings(name, **arguments))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_matrices_may_have_an_optimizer_of_their_own() -> None:
    check_optimizer(settings("muon"), matrices_alone=True)
    recipe = ARTICLE.changed(optimizer="muon", others={"optimizer": "adamw", "learning_rate": 0.002})
    own = list(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(4, 3)).parameters())
    (muon, matrices), (adamw, rest) = optimizer_groups(recipe, own)
    assert (muon.optimizer, adamw.optimizer) == ("muon", "adamw")
    assert [tuple(parameter.shape) for parameter in matrices] == [(3, 4)]
    assert [tuple(parameter.shape) for parameter in rest] == [(2, 1, 3, 3), (2,), (3,)]
    assert [len(share) for _, share in optimizer_groups(ARTICLE, own)] == [4]
