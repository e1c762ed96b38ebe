"""The suite from Python: in scripts, and what it gives back."""

import re
import shutil
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from bench.records.storage import load_runs
from bench.report import render
from bench.report.pages.csv_tables import RUN_COLUMNS
from tests.conftest import ROOT
from tests.support.factories import make_run
from tests.support.results import save_runs
from tests.support.small_runs import IN_PYTHON


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two runs that are done, one that failed."""
    runs = make_run("mlp", accuracy=0.97), make_run("cnn", accuracy=0.99, later=1)
    failed = make_run("mlp", seed=9, status="error", later=600)
    return save_runs(tmp_path / "results", *runs, failed, weights=b"weights")


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
        "assert {'UserError', 'run', 'load', 'show'} <= set(dir(bench))\n"
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'pydantic', 'rich', 'typer'} & set(sys.modules)\n"
        "bench.load\n"
        "print(*heavy, *({'torch', 'matplotlib'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        getattr(bench, "lo" + "de")


def test_load_gives_a_row_per_record_with_the_columns_it_documents(results: Path) -> None:
    frame = bench.load(results)
    assert list(frame["status"]) == ["done", "done", "error"]
    assert list(frame["test_accuracy"][:2]) == pytest.approx([0.97, 0.99])
    assert pd.isna(frame["test_accuracy"][2])
    assert frame["error"][2]
    assert isinstance(frame["started_at"].dtype, pd.DatetimeTZDtype)
    documented = dict(re.findall(r"^    ``(\w+)`` +(\w+)  ", bench.load.__doc__ or "", re.MULTILINE))
    assert list(documented) == RUN_COLUMNS == list(frame.columns)
    kinds = {"str": "UO", "int": "i", "float": "f", "datetime": "M"}
    wrong = [name for name, kind in documented.items() if frame[name].dtype.kind not in kinds[kind]]
    assert wrong == []


def test_load_of_a_folder_without_records_has_the_same_columns(tmp_path: Path) -> None:
    frame = bench.load(tmp_path)
    assert frame.empty
    assert list(frame.columns) == RUN_COLUMNS


def test_a_file_that_is_no_record_is_a_warning(results: Path) -> None:
    (folder,) = (results / "runs").iterdir()
    (folder / "broken.json").write_text("{")
    for read in (bench.load, bench.show):
        with pytest.warns(UserWarning, match=r"skipped broken\.json: not a run record") as warned:
            read(results)
        assert [Path(warning.filename) for warning in warned] == [Path(__file__)], "once, and where it was called"


class Frame(HTMLParser):
    """The document inside an iframe."""

    document: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "iframe"
        self.document = dict(attrs)["srcdoc"]


def test_show_is_the_page_to_a_notebook_and_text_to_a_terminal(results: Path) -> None:
    report = bench.show(str(results))
    assert repr(report) == str(report) == render(results).terminal_text()
    frame = Frame()
    frame.feed(report._repr_html_())
    page = (results / "report.html").read_text()
    assert frame.document == page.replace("<head>", '<head><base href="about:srcdoc">')


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"models": ["mlp", "cnm"]}, "unknown model 'cnm': did you mean 'cnn'?"),
        ({"models": "mlp, cnm"}, "unknown model 'cnm'"),
        ({"suite": "quik"}, "did you mean 'quick'?"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"precision": "fp8"}, "unknown precision 'fp8'"),
        ({"probes": ["distorsion"]}, "did you mean 'distortion'?"),
        ({"seeds": 0}, "seeds is 0: it must be at least 1"),
        ({"epochs": 2.5}, "epochs is 2.5: it must be a whole number"),
        ({"batch_size": "128"}, "batch_size is '128': it must be a whole number"),
        ({"timeout": 0}, "timeout is 0: it must be more than 0 seconds"),
        ({"results": "/proc/nowhere"}, "cannot write to results folder /proc/nowhere"),
    ],
)
def test_a_wrong_call_is_one_line(
    options: dict[str, Any], said: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(bench.UserError) as error:
        bench.run(data_dir=data_dir, **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("read", [bench.load, bench.show])
def test_a_folder_that_is_not_there_is_one_line(read: Any, tmp_path: Path) -> None:
    with pytest.raises(bench.UserError, match=r"^no results folder .*nowhere: bench\.run\(results=.*\) makes one$"):
        read(tmp_path / "nowhere")


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
    program = script("import bench\nbench.run(models='softmax', suite='quick', epochs=300, probes='none')\n")
    for line in program.stderr:
        if "epoch 2/300" in line:
            program.send_signal(signal.SIGTERM)
            break
    _, err = program.communicate(timeout=60)
    assert program.returncode == -signal.SIGTERM
    assert "stopped by SIGTERM; what is done is in results/README.md" in err
    assert [run.status for run in load_runs(tmp_path / "results")[0]] == ["interrupted"]
