"""Models that are more than their stored weights, through the real command: a probe agrees with the run or refuses."""

import json
import re
import shutil
from pathlib import Path

import pytest

from bench.records.probes import load_probes
from bench.records.storage import load_predictions, load_runs
from tests.conftest import ROOT, Command
from tests.support.small_runs import UNTIMED

pytestmark = pytest.mark.slow

MODELS = '''
import random
import numpy as np, torch
import torch.nn.functional as F
from torch import nn
from models.registry import register_model

class Mlp(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.first, self.head = nn.Linear(784, 48), nn.Linear(48, num_classes)
    def pixels(self, images):
        return images.flatten(1)
    def between(self, signal):
        return signal
    def forward(self, images):
        return self.head(self.between(self.first(self.pixels(images))).relu())

class Shared(Mlp):
    """One layer at two depths and under three names."""
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.deep = nn.Linear(48, 48)
        self.stack = nn.ModuleList([self.deep, self.deep])
    def between(self, signal):
        return self.stack[1](self.stack[0](signal.relu()).relu())

class Statistics(Mlp):
    """Centres by a running mean that is no buffer."""
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.mean = torch.zeros(48)
    def between(self, signal):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * (signal.detach().mean(0) + 1)
        return signal - self.mean

GLOBAL = {"steps": 0}

class Counts(Mlp):
    """Turns a sign after some steps, which the module counts."""
    def between(self, signal):
        GLOBAL["steps"] += self.training
        return signal if GLOBAL["steps"] < 9 else -signal

class Seeded(Mlp):
    """Wired at random when it is made, from generators that the seed reaches."""
    def __init__(self, num_classes):
        super().__init__(num_classes)
        order = list(np.random.permutation(784))
        random.shuffle(order)
        self.wiring = torch.tensor(order)
    def pixels(self, images):
        return images.flatten(1)[:, self.wiring]

class Unseeded(Seeded):
    """The same from one that it does not reach."""
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.wiring = torch.from_numpy(np.random.default_rng().permutation(784))

class Transformer(nn.Module):
    """Patches by a convolution, then torch's encoder, some of whose layers are not called."""
    def __init__(self, num_classes):
        super().__init__()
        self.patches = nn.Conv2d(1, 24, 7, stride=7)
        self.places = nn.Parameter(torch.randn(1, 16, 24) / 50)
        layer = nn.TransformerEncoderLayer(24, 3, 48, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(24, num_classes)
    def forward(self, images):
        return self.head(self.encoder(self.patches(images).flatten(2).transpose(1, 2) + self.places).mean(1))

class Lazy(nn.Module):
    """Builds its layers at the first batch."""
    def __init__(self, num_classes):
        super().__init__()
        self.num_classes, self.head = num_classes, None
        self.hidden = nn.LazyLinear(48)
        self.register_buffer("mean", None)
    def forward(self, images):
        signal = self.hidden(images.flatten(1)).relu()
        if self.head is None:
            self.head, self.mean = nn.Linear(48, self.num_classes), signal.detach().mean(0)
        return self.head(signal - self.mean)

class Beside(Mlp):
    """The image reaches the answer by a second way."""
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.direct = nn.Conv2d(1, num_classes, 28)
    def forward(self, images):
        return super().forward(images) + self.direct(images).flatten(1)

def register(name, kind):
    def make(num_classes=10):
        return kind(num_classes)
    make.__name__ = name
    register_model(make)

for name, kind in (("shared", Shared), ("statistics", Statistics), ("counts", Counts), ("seeded", Seeded),
                   ("unseeded", Unseeded), ("transformer", Transformer), ("lazy", Lazy), ("beside", Beside)):
    register(name, kind)
'''

PROBES = "distortion,features,permutation"
ANSWERED = ("shared", "seeded", "transformer", "lazy", "beside", "softmax")
REFUSED = ("statistics", "counts", "unseeded")


def test_every_probe_agrees_with_its_run_or_says_why_it_does_not(command: Command, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "models", tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models" / "mine.py").write_text(MODELS)
    names = ",".join(ANSWERED + REFUSED)
    call = (
        *UNTIMED,
        "--epochs",
        "1",
        "--models",
        names,
        "--probes",
        PROBES,
        "--json",
    )
    done = command(*call, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    results = tmp_path / "results"
    runs = {run.trial.model: run for run in load_runs(results)[0]}
    assert {name: run.status for name, run in runs.items()} == dict.fromkeys(ANSWERED + REFUSED, "done")
    check_refusals(done.stderr)
    records, problems = load_probes(results)
    assert not problems
    models = {run.stem: name for name, run in runs.items()}
    answers = {(models[record.run], record.probe): record for record in records}
    assert {model for model, _ in answers} == {*ANSWERED}
    for name in ANSWERED:
        stored = load_predictions(results, runs[name])
        assert stored is not None
        clean = answers[name, "distortion"].numbers["clean"]
        assert clean == pytest.approx(stored.correct[:500].mean()), name
        assert clean > 0.4, name
    check_words({key: record.notes for key, record in answers.items()})
    assert {name for name in ANSWERED if "columns_gap" in answers[name, "permutation"].numbers} == {
        "softmax", "shared", "lazy"
    }  # fmt: skip
    again = command(*call, cwd=tmp_path)
    check_refusals(again.stderr)
    assert json.loads(again.stdout)["done"] == []
    assert len(load_probes(results)[0]) == len(records), "refusals are no answers, and answers are not asked for twice"


def check_refusals(text: str) -> None:
    """One line for each probe of the models that are more than their weights, and no other."""
    lines = [line for line in text.splitlines() if line.startswith("error: ")]
    expected = {f"{probe} of {name} seed 0" for name in REFUSED for probe in PROBES.split(",")}
    assert {line.removeprefix("error: probe failed: ").partition(": ")[0] for line in lines} == expected
    for line in lines:
        assert re.search(r"the rebuilt model gives another label for \d+ of \d+ images: something that shapes", line)
    assert sum("training changed mean" in line for line in lines) == 3, "the run has seen what it was"


def check_words(notes: dict[tuple[str, str], dict[str, str]]) -> None:
    assert {name: notes[name, "features"]["layer"] for name in ANSWERED} == {
        "softmax": "pixels",
        "shared": "last hidden layer (input of layer head)",
        "seeded": "last hidden layer (input of layer head)",
        "transformer": "last hidden layer (input of layer head)",
        "lazy": "last hidden layer (input of layer head)",
        "beside": "last hidden layer (input of layer head)",
    }
    assert {name: notes[name, "permutation"].get("columns") for name in ANSWERED} == {
        "softmax": None,
        "shared": None,
        "lazy": None,
        "seeded": "its first layer is given something else than the pixels in order",
        "transformer": "its first layer is not linear: it is Conv2d",
        "beside": "something beside its first layer reads the image",
    }
