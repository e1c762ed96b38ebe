"""Models from anywhere: classes and functions of a script, files beside it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Command
from tests.support.small_runs import UNTIMED

SCRIPT = """
import torch
import torch.nn.functional as F
from torch import nn
import bench

WIDTH = 16
HELD = object()


def squash(signal):
    return F.relu(signal)


class MyNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.first, self.head = nn.Linear(784, WIDTH), nn.Linear(WIDTH, num_classes)

    def forward(self, images):
        return self.head(squash(self.first(images.flatten(1))))


def tiny():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def holds():
    return HELD


mine = [MyNet, tiny, "softmax"]
runs = bench.run(models=mine, suite="quick", epochs=1, probes="calibration", timing_rounds=0, results="results")
print(runs[["model", "status", "test_accuracy"]].to_json(orient="records"))
for wrong in (holds, MyNet(), 7):
    try:
        bench.run(models=[wrong], suite="quick", timing_rounds=0, results="results")
    except bench.UserError as error:
        print(error)
"""
FILE = """
from torch import nn
from models.registry import register_model
from widths import WIDTH

@register_model
def from_a_file(num_classes=10):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, WIDTH), nn.ReLU(), nn.Linear(WIDTH, num_classes))

def unregistered():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
"""


def test_classes_and_functions_of_a_script_stand_beside_registered_models(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MNIST_BENCH_DATA": str(data_dir)}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows, *errors = done.stdout.splitlines()
    runs = {run["model"]: run for run in json.loads(rows)}
    assert {name: run["status"] for name, run in runs.items()} == dict.fromkeys(("MyNet", "tiny", "softmax"), "done")
    assert runs["tiny"]["test_accuracy"] == runs["softmax"]["test_accuracy"], "the same layers from the same seed"
    (source,) = (tmp_path / "results" / "runs").glob("*/MyNet-*.py")
    assert "WIDTH = 16" in source.read_text()
    assert "def squash" in source.read_text()
    assert "holds uses 'HELD', a object that cannot be written to a file" in errors[0]
    assert "a MyNet was given: give its class" in errors[1]
    assert "7 is no model" in errors[2]
    assert len(errors) == 3


@pytest.mark.slow
def test_a_file_named_on_the_command_line_is_trained_and_again_when_a_helper_is_edited(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "my_net.py").write_text(FILE)
    arguments = (*UNTIMED, "--epochs", "1", "--probes", "none", "--json")
    trained = []
    for width in (8, 8, 12):
        (tmp_path / "widths.py").write_text(f"WIDTH = {width}\n")
        done = command(*arguments, "--models", "./my_net.py,./my_net.py:unregistered", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        trained.append(sorted(run["model"] for run in json.loads(done.stdout)["done"]))
    assert trained == [["from_a_file", "unregistered"], [], ["from_a_file", "unregistered"]]
    on_cluster = command(*arguments, "--models", "./my_net.py", "--executor", "ray", cwd=tmp_path)
    assert on_cluster.returncode == 2
    assert "put from_a_file there" in on_cluster.stderr
    for wrong, words in (("./none.py", "none.py"), ("./my_net.py:other", "other"), ("./widths.py", "widths.py")):
        done = command(*arguments, "--models", wrong, cwd=tmp_path)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_models_of_an_installed_package_have_names_and_a_broken_one_costs_itself(
    command: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    package, about = tmp_path / "zoo", tmp_path / "zoo-1.0.dist-info"
    package.mkdir()
    about.mkdir()
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text(FILE.replace("from widths import WIDTH", "WIDTH = 8"))
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo\nVersion: 1.0\n")
    points = "zoo_net = zoo.nets:unregistered\nlost = zoo.gone:net\n"
    (about / "entry_points.txt").write_text(f"[mnist_bench.models]\n{points}")
    path = {"PYTHONPATH": os.pathsep.join((str(tmp_path), environment.get("PYTHONPATH", str(ROOT))))}
    arguments = (*UNTIMED, "--epochs", "1", "--probes", "none", "--json")
    done = command(*arguments, "--models", "zoo_net,softmax", cwd=tmp_path, env=environment | path)
    assert done.returncode == 0, done.stderr
    runs = {run["model"]: run["test_accuracy"] for run in json.loads(done.stdout)["done"]}
    assert runs["zoo_net"] == runs["softmax"]
    lost = command(*arguments, "--models", "lost", cwd=tmp_path, env=environment | path)
    assert lost.returncode == 2
    assert "zoo.gone" in lost.stderr
    assert "Traceback" not in lost.stderr
