"""Models as people write them, through the real command: right numbers, or a clear word."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Command
from tests.support.small_runs import UNTIMED

MODELS = '''
import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.registry import register_model


class Net(nn.Module):
    """``twin`` adds a parameter that nothing uses, which no capture gets past."""

    def __init__(self, twin=False):
        super().__init__()
        self.first, self.head = nn.Linear(784, 64), nn.Linear(64, 10)
        if twin:
            self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return self.head(self.between(self.first(images.flatten(1)).relu()))

    def between(self, signal):
        return signal


class Late(Net):
    steps = 0

    def between(self, signal):
        if self.training:
            self.steps += 1
        return signal if self.steps > 100 else signal * 0


CALLS = 0


class GlobalCount(Net):
    def between(self, signal):
        global CALLS
        CALLS += self.training
        return signal if CALLS > 100 else signal * 0


class RunningStatistics(Net):
    def __init__(self, twin=False):
        super().__init__(twin)
        self.mean = torch.zeros(64)

    def between(self, signal):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * signal.detach().mean(0)
            return signal - signal.mean(0)
        return signal - self.mean


class Wired(Net):
    def __init__(self):
        super().__init__()
        self.wiring = torch.from_numpy(np.random.permutation(64))

    def between(self, signal):
        return signal[:, self.wiring] * 2 - signal


class ViewAfterConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.near, self.far, self.head = nn.Conv2d(1, 8, 5), nn.Conv2d(8, 16, 5), nn.Linear(256, 10)

    def forward(self, images):
        maps = F.max_pool2d(self.far(F.max_pool2d(self.near(images).relu(), 2)).relu(), 2)
        return self.head(maps.view(len(maps), -1))


class Twice(Net):
    def __init__(self):
        super().__init__()
        self.between = nn.Linear(64, 64)
        self.again = self.between


class AlwaysDrops(Net):
    def between(self, signal):
        return F.dropout(signal, 0.5)


class DiesLater(Net):
    """Ends its process at an evaluation that no training needs."""

    evaluated = 0

    def between(self, signal):
        if not self.training:
            self.evaluated += len(signal)
            if self.evaluated > 20_000:
                os._exit(3)
        return signal


class TooMany(Net):
    def forward(self, images):
        return super().forward(images).repeat(1, 100)


SHARED = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


@register_model
def late(num_classes): return Late()
@register_model
def late_twin(num_classes): return Late(twin=True)
@register_model
def global_count(num_classes): return GlobalCount()
@register_model
def running(num_classes): return RunningStatistics()
@register_model
def running_twin(num_classes): return RunningStatistics(twin=True)
@register_model
def wired(num_classes): return Wired()
@register_model
def view(num_classes): return ViewAfterConv()
@register_model
def twice(num_classes): return Twice()
@register_model
def drops(num_classes): return AlwaysDrops()
@register_model
def probabilities(num_classes): return nn.Sequential(Net(), nn.Softmax(1))
@register_model
def dies_later(num_classes): return DiesLater()
@register_model
def too_many(num_classes): return TooMany()
@register_model
def shared(num_classes): return SHARED
'''
RUN = (*UNTIMED, "--probes", "none", "--json")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder whose ``models`` are softmax and the ones above."""
    (tmp_path / "models").mkdir()
    for name in ("__init__.py", "registry.py", "softmax.py"):
        shutil.copy(ROOT / "models" / name, tmp_path / "models")
    (tmp_path / "models" / "any.py").write_text(MODELS)
    return tmp_path


def runs_of(project: Path, model: str) -> list[dict[str, Any]]:
    """The records of a model's runs, by their seeds."""
    records = [
        json.loads(path.read_text()) for path in (project / "results" / "runs").glob(f"*/{model}-article-*.json")
    ]
    return sorted(records, key=lambda record: record["trial"]["seed"])


def flags(project: Path, model: str) -> set[str]:
    return {flag["name"] for flag in runs_of(project, model)[0]["flags"]}


@pytest.mark.slow
def test_what_keeps_count_trains_as_eager_steps_would(command: Command, project: Path) -> None:
    done = command(*RUN, "--models", "late,late_twin,running,running_twin", cwd=project)
    assert done.returncode == 0, done.stderr
    for model, reason in (("late", "writes to self.steps"), ("running", "writes to self.mean")):
        one, twin = (runs_of(project, name)[0] for name in (model, f"{model}_twin"))
        assert reason in one["execution"]["reason"]
        assert [epoch["test_loss"] for epoch in one["epochs"]] == [epoch["test_loss"] for epoch in twin["epochs"]]
        assert one["result"]["test_accuracy"] > 0.85
        assert "not_in_weights" in flags(project, model)


@pytest.mark.slow
def test_a_seed_repeats_whatever_it_draws_from_and_whatever_was_trained_before(command: Command, project: Path) -> None:
    names = ("wired", "global_count")
    for results, seeds in (("results", "2"), ("again", "1")):
        done = command(*RUN, "--models", ",".join(names), "--seeds", seeds, "--results", results, cwd=project)
        assert done.returncode == 0, done.stderr
    again = {run["model"]: run["test_accuracy"] for run in json.loads(done.stdout)["done"]}
    for name in names:
        first, second = runs_of(project, name)
        assert again[name] == first["result"]["test_accuracy"] > 0.85
        losses = [run["epochs"][0]["train_loss"] for run in (first, second)]
        assert abs(losses[0] - losses[1]) < 0.1, "another seed begins anew too, in a process of its own"


@pytest.mark.slow
def test_what_plain_pytorch_trains_is_trained_and_flagged_where_it_must_be(command: Command, project: Path) -> None:
    done = command(*RUN, "--models", "view,twice,drops,probabilities,dies_later", cwd=project)
    assert done.returncode == 0, done.stderr
    assert {run["model"] for run in json.loads(done.stdout)["done"]} == {
        "view", "twice", "drops", "probabilities", "dies_later",
    }  # fmt: skip
    assert "view size" in runs_of(project, "view")[0]["execution"]["left_out"]["channels_last"]
    assert flags(project, "view") == flags(project, "twice") == set()
    assert flags(project, "drops") == {"answers_differ"}
    assert flags(project, "probabilities") == {"no_logits"}
    kept = runs_of(project, "dies_later")[0]
    assert kept["status"] == "done"
    assert kept["execution"]["left_out"]["checks"] == "the worker ended before they were done"
    assert kept["model"]["train_flops_per_image"] is None


@pytest.mark.slow
def test_what_cannot_be_right_is_refused_in_a_line(command: Command, project: Path) -> None:
    done = command(*RUN, "--models", "too_many,shared,softmax", cwd=project)
    assert done.returncode == 2
    answer = json.loads(done.stdout)
    assert [run["model"] for run in answer["done"]] == ["softmax"]
    errors = {run["model"]: run["error"] for run in answer["failed"]}
    assert errors["too_many"] == "the model gives outputs of shape (N, 1000); right would be (N, 10), logits"
    assert errors["shared"].startswith("two models made for the same seed share 1.bias, 1.weight")
    assert "Traceback" not in done.stderr
