import itertools
from pathlib import Path

import pytest
import torch

from bench.training.timing import Clocks
from bench.training.trial import execute
from tests.support.factories import make_trial


def test_stretches_of_one_name_add_up_and_names_are_told_apart() -> None:
    ticks = iter([0.0, 1.0, 10.0, 10.5, 20.0, 22.0])
    clocks = Clocks(torch.device("cpu"), now=lambda: next(ticks))
    with clocks.measure("train") as first:
        pass
    with clocks.measure("eval"):
        pass
    with clocks.measure("train") as second:
        pass
    assert (first.seconds, second.seconds) == (1.0, 2.0)
    assert (clocks.total("train"), clocks.total("eval"), clocks.total("setup")) == (3.0, 0.5, 0.0)


def test_the_clock_is_read_twice_a_stretch_and_no_more() -> None:
    count = itertools.count()
    clocks = Clocks(torch.device("cpu"), now=lambda: float(next(count)))
    with clocks.measure("train"):
        pass
    assert next(count) == 2


def test_the_clock_waits_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr("torch.cuda.is_initialized", lambda: True)
    monkeypatch.setattr("torch.cuda.synchronize", lambda _: calls.append("wait"))

    def now() -> float:
        calls.append("read")
        return 0.0

    with Clocks(torch.device("cuda"), now).measure("train"):
        calls.append("work")
    assert calls == ["wait", "read", "work", "wait", "read"]


def test_a_gpu_that_nothing_has_used_yet_is_set_up_inside_the_first_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr("torch.cuda.is_initialized", lambda: "set up" in calls)
    monkeypatch.setattr("torch.cuda.synchronize", lambda _: calls.append("wait"))

    def now() -> float:
        calls.append("read")
        return 0.0

    with Clocks(torch.device("cuda"), now).measure("setup"):
        calls.append("set up")
    assert calls == ["read", "set up", "wait", "read"]


def test_a_trial_reads_each_clock_where_its_stretch_begins_and_ends(data_dir: Path) -> None:
    ticks = itertools.count()
    trial = make_trial(model="softmax", epochs=3, train_size=256)
    outcome = execute(trial, data_dir, lambda _: None, startup_s=5.0, now=lambda: float(next(ticks)))
    clock = outcome.clock
    assert (clock.startup_s, clock.setup_s, clock.warmup_s, clock.train_s, clock.eval_s) == (5, 1, 1, 3, 3)
    # two readings for each of the 8 stretches, one before the first and one after the last
    assert clock.total_s == 5 + 2 * 8 + 1
    assert outcome.result.train_images_per_s == 256 * 3 / 3
