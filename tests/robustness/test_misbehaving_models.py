"""Models that crash, hang, lie or eat all memory: each takes its own trial alone."""

import json
import shutil
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT, Command
from tests.support.small_runs import UNTIMED

pytestmark = pytest.mark.slow

TROUBLE = """
import ctypes, os, subprocess, sys, time
import torch
from torch import nn
from models.registry import register_model

class Does(nn.Linear):
    def __init__(self, num_classes, what):
        super().__init__(784, num_classes)
        self.what = what
    def forward(self, images):
        if not torch.is_grad_enabled() or self.training:
            self.what()
        return super().forward(images.flatten(1))

def eat():
    kept = []
    while True:
        kept.append(torch.empty(2**28))

def crash():
    ctypes.string_at(0)

def hang():
    while True:
        pass

def hang_up():
    os.closerange(3, 1000)
    time.sleep(1000)

def leave():
    subprocess.Popen(["sleep", "1000"])
    hang()

class Mute(Exception):
    def __str__(self):
        raise ValueError("says nothing")

def mute():
    raise Mute

for action in (eat, crash, hang, hang_up, leave, mute):
    def make(num_classes=10, action=action):
        return Does(num_classes, action)
    make.__name__ = action.__name__
    make.__module__ = __name__
    register_model(make)

@register_model
def quits(num_classes=10):
    sys.exit("enough")
"""


@pytest.fixture
def troubled(tmp_path: Path) -> Path:
    """A folder whose ``models`` is softmax and models that do everything a model must not."""

    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("__init__.py", "registry.py", "softmax.py"):
        shutil.copy(ROOT / "models" / name, folder)
    (folder / "trouble.py").write_text(TROUBLE)
    return tmp_path


def test_whatever_a_model_does_takes_its_own_trial_alone(command: Command, troubled: Path) -> None:
    import resource

    def limit_memory() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**35, 2**35))

    names = "eat,crash,hang,hang_up,leave,mute,quits,softmax"
    arguments = (
        *UNTIMED,
        "--epochs",
        "1",
        "--probes",
        "none",
        "--timeout",
        "15",
        "--json",
    )
    done = command(*arguments, "--models", names, cwd=troubled, preexec_fn=limit_memory)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    answer = json.loads(done.stdout)
    assert [run["model"] for run in answer["done"]] == ["softmax"]
    failures = {run["model"]: (run["status"], run["error"]) for run in answer["failed"]}
    assert failures.pop("eat")[1].startswith("RuntimeError: ")
    assert failures == {
        "crash": ("error", "worker killed by SIGSEGV"),
        "hang": ("timeout", "not finished after 15 s"),
        "hang_up": ("error", "worker hung up without ending"),
        "leave": ("timeout", "not finished after 15 s"),
        "mute": ("error", "models.trouble.Mute: <exception str() failed>"),
        "quits": ("error", "SystemExit: enough"),
    }
    assert len([line for line in done.stderr.splitlines() if line.startswith("error: ")]) == 7
    assert [
        process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["sleep", "1000"]
    ] == []
