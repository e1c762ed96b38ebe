"""The suite from Python in processes of its own: imported, in scripts, and stopped."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from bench.records.storage import load_runs
from tests.conftest import ROOT
from tests.support.small_runs import IN_PYTHON


@pytest.fixture
def script(tmp_path: Path, environment: dict[str, str]) -> Any:
    """Start ``code`` as a file of its own, without a guard against being imported, in an empty folder."""

    def start(code: str, path: Path = ROOT) -> "subprocess.Popen[str]":
        file = tmp_path / "script.py"
        file.write_text(code)
        return subprocess.Popen(
            [sys.executable, str(file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(path)},
        )

    return start


def test_importing_it_imports_nothing_heavy_and_names_what_there_is() -> None:
    code = (
        "import sys, bench\n"
        "assert {'run', 'load', 'show'} <= set(dir(bench))\n"
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'pydantic', 'rich', 'typer'} & set(sys.modules)\n"
        "bench.load\n"
        "print(*heavy, *({'torch', 'matplotlib'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        getattr(bench, "lo" + "de")


@pytest.mark.slow
def test_a_script_needs_no_guard_and_a_second_call_trains_nothing(script: Any, tmp_path: Path) -> None:
    program = script(
        "import threading, bench\n"
        "print('begun')\n"
        f"first = bench.run(models=['softmax'], {IN_PYTHON})\n"
        "again = []\n"
        f"thread = threading.Thread(target=lambda: again.append(bench.run(models='softmax', {IN_PYTHON})))\n"
        "thread.start(); thread.join()\n"
        "first.to_json('first.json'); again[0].to_json('again.json'); bench.load().to_json('all.json')\n"
        "print(bench.show())\n"
    )
    out, err = program.communicate(timeout=120)
    assert program.returncode == 0, err
    assert out.count("begun") == 1, "the workers did not run the script again"
    assert "softmax seed 0 epoch 1/1" in err
    assert "nothing to train; 1 already done" in err
    assert out.endswith("report: results/report.html\n")
    first, again, everything = (pd.read_json(tmp_path / f"{name}.json") for name in ("first", "again", "all"))
    pd.testing.assert_frame_equal(first, everything)
    pd.testing.assert_frame_equal(first, again)
    assert list(first["model"]) == ["softmax"]
    assert first["test_accuracy"][0] > 0.8


@pytest.mark.slow
def test_a_model_edited_between_two_calls_is_trained_as_it_stands_in_its_file(script: Any, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "models", tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "bench", tmp_path / "bench", ignore=shutil.ignore_patterns("__pycache__"))
    source = (
        "from torch import nn\n"
        "from models.registry import register_model\n"
        "@register_model\n"
        "def mine(num_classes=10): return nn.Sequential(nn.Flatten(), nn.Linear(784, WIDTH), nn.Linear(WIDTH, 10))\n"
    )
    file = tmp_path / "models" / "mine.py"
    file.write_text(source.replace("WIDTH", "4"))
    program = script(
        "import pathlib, bench\n"
        f"bench.run(models='mine', {IN_PYTHON})\n"
        f"pathlib.Path('models/mine.py').write_text({source.replace('WIDTH', '16')!r})\n"
        f"frame = bench.run(models='mine,softmax', {IN_PYTHON})\n"
        "print(*frame['model'])\n",
        path=tmp_path,
    )
    out, err = program.communicate(timeout=120)
    assert program.returncode == 0, err
    assert out == "mine softmax\n"
    runs, _ = load_runs(tmp_path / "results")
    assert [run.model and run.model.parameters for run in runs[:2]] == [785 * 4 + 5 * 10, 785 * 16 + 17 * 10]


def test_sigterm_ends_a_script_after_its_record_is_written(script: Any, tmp_path: Path) -> None:
    program = script(
        "import bench\nbench.run(models='softmax', suite='quick', epochs=300, probes='none', timing_rounds=0)\n"
    )
    for line in program.stderr:
        if "epoch 2/300" in line:
            program.send_signal(signal.SIGTERM)
            break
    _, err = program.communicate(timeout=60)
    assert program.returncode == -signal.SIGTERM
    assert "stopped by SIGTERM; what is done is in results/README.md" in err
    assert [run.status for run in load_runs(tmp_path / "results")[0]] == ["interrupted"]
