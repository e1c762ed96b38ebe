"""How recorded runs are judged; the records are made, their numbers chosen."""

import pytest

from bench.gpu_check.findings import Findings
from bench.gpu_check.runs import judge_run, judge_speed
from bench.records.schema import Clock, Execution, Run
from tests.support.factories import make_run


def run_on_a_gpu(**changes: object) -> Run:
    run = make_run("cnn", 0, 0.99, epochs=10)
    trial = run.trial.model_copy(update={"device": "cuda", "precision": "tf32"})
    epochs = [epoch.model_copy(update={"train_s": 0.05}) for epoch in run.epochs]
    clock = Clock(startup_s=1, setup_s=2, warmup_s=1, train_s=0.5, eval_s=0.1, total_s=4.7)
    parts = {"trial": trial, "epochs": epochs, "clock": clock, "execution": Execution(mode="cuda_graph")}
    return run.model_copy(update=parts | changes)


def broken(run: Run) -> list[str]:
    found = Findings()
    judge_run(found, run)
    return [finding.name for finding in found.all if finding.holds is False]


def test_a_run_that_meets_every_goal_has_nothing_broken() -> None:
    found = Findings()
    judge_run(found, run_on_a_gpu())
    assert [finding.holds for finding in found.all] == [True] * 5


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"execution": Execution(mode="eager", reason="it looks at values")}, "steps of cnn in tf32"),
        (
            {"clock": Clock(startup_s=1, setup_s=2, warmup_s=1, train_s=0.5, eval_s=0.1, total_s=9)},
            "in no clock: cnn in tf32",
        ),
        (
            {"clock": Clock(startup_s=1, setup_s=2, warmup_s=1, train_s=0.9, eval_s=0.2, total_s=5.2)},
            "s of ten epochs with evaluation",
        ),
        ({"result": make_run("cnn", 0, 0.9).result}, "accuracy of cnn in tf32"),
        ({"result": None, "error": "out of memory"}, "cnn in tf32"),
    ],
)
def test_what_falls_short_is_named(changes: dict[str, object], name: str) -> None:
    assert broken(run_on_a_gpu(**changes)) == [name]


def test_slow_epochs_are_named() -> None:
    run = run_on_a_gpu()
    slow = [epoch.model_copy(update={"train_s": 0.061}) for epoch in run.epochs]
    assert broken(run_on_a_gpu(epochs=slow)) == ["ms of an epoch: cnn in tf32"]


@pytest.mark.parametrize(("article_s", "holds"), [(5.0, True), (4.9, False)])
def test_the_articles_loop_must_take_a_hundred_times_as_long(article_s: float, holds: bool) -> None:
    found = Findings()
    judge_speed(found, {"article": article_s, "mnist-bench": 0.05}, "cuda")
    assert found.all[-1].holds is holds
