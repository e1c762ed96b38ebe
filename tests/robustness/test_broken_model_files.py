"""Model files that fail, hang or meddle when they are imported: each costs itself alone, and is named."""

import json
import shutil
from pathlib import Path

import pytest

from bench.records.storage import load_runs
from tests.conftest import ROOT, Command
from tests.support.small_runs import UNTIMED

SMALL = (*UNTIMED, "--epochs", "1", "--probes", "none", "--json")
REGISTER = "from torch import nn\nfrom models.registry import register_model\n"

BROKEN = {
    "syntax": ("def broken(:", "SyntaxError: invalid syntax (syntax.py, line 1)"),
    "missing": ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
    "leaves": ("import sys\nsys.exit('enough')", "SystemExit: enough"),
    "quits": ("import os\nos._exit(0)", "its process ended with exit code 0"),
    "crashes": ("import ctypes\nctypes.string_at(0)", "its process killed by SIGSEGV"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "twice": (
        "from models import mlp, register_model\nregister_model(mlp.mlp)",
        "ValueError: model 'mlp' is registered twice: mlp.py has it already",
    ),
    "other_mlp": (
        f"{REGISTER}@register_model\ndef mlp(num_classes=10): return nn.Linear(784, num_classes)",
        "ValueError: model 'mlp' is registered twice: mlp.py has it already",
    ),
    "underscore": (f"{REGISTER}@register_model\ndef _x(): pass", "ValueError: model '_x': a name is up to 80 of"),
}

MEDDLES = """
import os, random
import numpy as np
import torch
from torch import nn
from models.registry import register_model

torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
torch.set_grad_enabled(False)
torch.set_num_threads(7)
torch.set_float32_matmul_precision("medium")
torch.use_deterministic_algorithms(True)
torch.manual_seed(1), random.seed(1), np.random.seed(1)
os.chdir("/")

@register_model
def meddles(num_classes=10):
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(7)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, num_classes))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the models of the project, to which a test adds its own; run the command there."""
    shutil.copytree(ROOT / "models", tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_each_broken_file_is_one_line_and_the_others_train(command: Command, project: Path) -> None:
    for name, (source, _) in BROKEN.items():
        (project / "models" / f"{name}.py").write_text(source)
    done = command(*SMALL, "--models", "softmax", cwd=project)
    assert done.returncode == 0, done.stderr
    assert [run["model"] for run in json.loads(done.stdout)["done"]] == ["softmax"]
    left_out = [line for line in done.stderr.splitlines() if " is left out: " in line]
    assert len(left_out) == len(BROKEN)
    for name, (_, reason) in BROKEN.items():
        assert any(line.startswith(f"models/{name}.py is left out: {reason}") for line in left_out), (name, left_out)
    assert "Traceback" not in done.stderr

    listed = command("models", "--json", cwd=project)
    assert listed.returncode == 0, listed.stderr
    rows = json.loads(listed.stdout)
    assert {row["name"] for row in rows} - {None} == {"softmax", "mlp", "mlp_matched", "cnn"}
    problems = {row["source"]: row["problem"] for row in rows if row["name"] is None}
    assert all(problems[f"models/{name}.py"].startswith(reason) for name, (_, reason) in BROKEN.items())


@pytest.mark.parametrize("name", ["missing", "from_a_library"])
def test_a_model_of_a_broken_file_is_refused_with_the_reason(command: Command, project: Path, name: str) -> None:
    """By the file's name, and by that of a function in it."""
    (project / "models" / "missing.py").write_text("import nowhere\ndef from_a_library(num_classes=10): ...\n")
    done = command(*SMALL, "--models", f"softmax,{name}", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    reason = "ModuleNotFoundError: No module named 'nowhere'"
    assert done.stderr == f"error: model {name!r} cannot be used: models/missing.py: {reason}\n"


@pytest.mark.slow
def test_a_file_that_never_ends_its_import_is_left_out_after_the_time_it_has(command: Command, project: Path) -> None:
    (project / "models" / "hangs.py").write_text("while True:\n    pass\n")
    done = command(*SMALL, "--models", "softmax", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "models/hangs.py is left out: did not finish its import within 30 s\n" in done.stderr


def test_a_file_that_meddles_with_the_process_trains_as_if_it_had_not(command: Command, project: Path) -> None:
    (project / "models" / "meddles.py").write_text(MEDDLES)
    done = command(*SMALL, "--models", "softmax,meddles", cwd=project)
    assert done.returncode == 0, done.stderr
    softmax, meddles = sorted(load_runs(project / "results")[0], key=lambda run: run.trial.model, reverse=True)
    assert meddles.trial.model == "meddles"
    assert meddles.epochs[0].test_loss == softmax.epochs[0].test_loss, "the same weights from the same seed, in float32"


def test_a_file_that_computes_at_import_trains_and_leaves_the_others_alone(command: Command, project: Path) -> None:
    """Its threads would be missing in every process that is forked from one that has imported it."""
    (project / "models" / "basis.py").write_text(
        f"import torch\n{REGISTER}"
        "BASIS = torch.linalg.qr(torch.randn(784, 784, generator=torch.Generator().manual_seed(0)))[0][:, :128]\n"
        "class OnBasis(nn.Linear):\n"
        "    def forward(self, images): return super().forward(images.flatten(1) @ BASIS)\n"
        "@register_model\n"
        "def on_basis(num_classes=10): return OnBasis(128, num_classes)\n"
    )
    done = command(*SMALL, "--models", "softmax,on_basis", "--timeout", "60", cwd=project)
    assert done.returncode == 0, done.stderr
    assert [run["model"] for run in json.loads(done.stdout)["done"]] == ["softmax", "on_basis"]


def test_models_that_cannot_be_built_are_rows_with_the_reason(command: Command, project: Path) -> None:
    (project / "models" / "trouble.py").write_text(
        f"{REGISTER}import os\n"
        "@register_model\ndef raises(num_classes=10): raise ValueError('no')\n"
        "@register_model\ndef ends(num_classes=10): os._exit(3)\n"
        "@register_model\ndef nothing(num_classes=10): pass\n"
        "@register_model\ndef the_class(num_classes=10): return nn.Linear\n"
        "class NoFlops(nn.Linear):\n"
        "    def forward(self, images): raise RuntimeError('no images')\n"
        "@register_model\ndef no_flops(num_classes=10): return NoFlops(2, num_classes)\n"
    )
    done = command("models", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    problems = {name: row["problem"] for name, row in rows.items() if row["source"] == "models/trouble.py"}
    counting = problems.pop("no_flops")
    assert problems == {
        "raises": "ValueError: no",
        "ends": "its process ended with exit code 3",
        "nothing": "TypeError: model 'nothing' gives a NoneType: it must give an instance of torch.nn.Module",
        "the_class": "TypeError: model 'the_class' gives the class Linear itself: it must give an instance of "
        "torch.nn.Module",
    }
    assert counting.startswith("its FLOPs cannot be counted")
    assert (rows["no_flops"]["parameters"], rows["no_flops"]["train_flops_per_image"]) == (30, None)
    assert "raises" in command("models", cwd=project).stdout


@pytest.mark.slow
def test_an_edited_helper_has_its_model_trained_again(command: Command, project: Path) -> None:
    helper = project / "models" / "_widths.py"
    helper.write_text("WIDTH = 4\n")
    (project / "models" / "uses_helper.py").write_text(
        f"{REGISTER}from models._widths import WIDTH\n"
        "@register_model\n"
        "def uses_helper(num_classes=10):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(784, WIDTH), nn.Linear(WIDTH, num_classes))\n"
    )
    arguments = (*SMALL, "--models", "uses_helper")
    counts = []
    for width in (4, 4, 8):
        helper.write_text(f"WIDTH = {width}\n")
        answer = json.loads(command(*arguments, cwd=project).stdout)
        counts.append((len(answer["done"]), len(answer["already_done"])))
    assert counts == [(1, 0), (0, 1), (1, 0)]
    runs, _ = load_runs(project / "results")
    assert [run.model and run.model.parameters for run in runs] == [785 * 4 + 5 * 10, 785 * 8 + 9 * 10]
