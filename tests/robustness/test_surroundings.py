"""Where the command is started: environments, folders and limits that other projects met. It works, or says why not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.records.storage import load_runs
from tests.conftest import ROOT, Command
from tests.support.documents import copy_of_the_project
from tests.support.small_runs import UNTIMED

RUN = (*UNTIMED, "--epochs", "1", "--models", "softmax", "--probes", "none")

NOBODY = """import pwd
def fake_getpwuid(user):
    raise KeyError(f"getpwuid(): uid not found: {user}")
pwd.getpwuid = fake_getpwuid
"""
"""Makes the user one that the system does not know, as ``docker run -u 12345`` does."""

NO_SUPPORT = """from pynvml import *
import pynvml
def fake_refusal(*_):
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
for name in dir(pynvml):
    if name.startswith(("nvmlDevice", "nvmlSystem", "nvmlShutdown")):
        setattr(pynvml, name, fake_refusal)
pynvml.nvmlInit = lambda: None
pynvml.nvmlDeviceGetHandleByIndex = lambda index: "fake handle"
"""
"""Makes the GPU's driver answer "not supported" to everything, as some do for unified memory or slices of a GPU."""

ENTRY = "import sys; sys.path.pop(0); from bench.cli.main import main; main()"
"""What the console script does: the current folder is not on its import path."""


@pytest.fixture
def nobody(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    left = {name: value for name, value in environment.items() if name not in ("HOME", "USER", "LOGNAME")}
    left = {name: value for name, value in left.items() if name not in ("XDG_CACHE_HOME", "MNIST_BENCH_DATA")}
    return left | on_path(tmp_path / "site", NOBODY)


def on_path(folder: Path, code: str) -> dict[str, str]:
    """The variable that makes every Python begin with this code and find the project."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def is_done(done: "subprocess.CompletedProcess[str]", results: Path) -> None:
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    runs, problems = load_runs(results)
    assert ([run.status for run in runs], problems) == (["done"], [])


def test_without_a_home_the_line_names_the_options(command: Command, nobody: dict[str, str]) -> None:
    for arguments in (("doctor",), RUN):
        done = command(*arguments, env=nobody)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert done.stderr.startswith("error: no folder for the data: HOME is not set")
        assert "--data-dir or MNIST_BENCH_DATA" in done.stderr


@pytest.mark.slow
def test_without_a_home_everything_works_with_a_data_folder(
    command: Command, nobody: dict[str, str], data_dir: Path, tmp_path: Path
) -> None:
    doctor = command("doctor", env=nobody | {"MNIST_BENCH_DATA": str(data_dir)})
    assert doctor.returncode == 0, doctor.stderr
    is_done(command(*RUN, "--data-dir", data_dir, env=nobody), tmp_path / "results")
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize("home", ["", "/proc", "relative"])
def test_a_home_that_cannot_be_used_is_one_line_or_none(
    home: str, command: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    done = command("doctor", env=environment | {"HOME": home, "XDG_CACHE_HOME": "/proc/nowhere"})
    assert done.returncode == 0, done.stderr
    del environment["MNIST_BENCH_DATA"]
    done = command("doctor", env=environment | {"HOME": home, "XDG_CACHE_HOME": "/proc/nowhere"})
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "/proc/nowhere/mnist-bench" in done.stderr
    assert "--data-dir or MNIST_BENCH_DATA" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["x" * 100, "no-such-folder", "file"])
def test_a_temporary_folder_of_any_kind_does(
    folder: str, command: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    if folder.startswith("x"):
        (tmp_path / folder).mkdir()
    (tmp_path / "file").touch()
    is_done(command(*RUN, env=environment | {"TMPDIR": str(tmp_path / folder)}), tmp_path / "results")


@pytest.mark.slow
@pytest.mark.parametrize("theirs", ["models/__init__.py", "models.py"])
def test_models_of_the_users_own_are_left_alone(
    theirs: str, command: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / theirs).parent.mkdir(exist_ok=True)
    (tmp_path / theirs).write_text("raise AssertionError('of another project')")
    environment |= {"PYTHONPATH": str(ROOT)}
    is_done(command(*RUN, env=environment), tmp_path / "results")
    (tmp_path / "bench.py").write_text("raise AssertionError('of another project')")
    line = [sys.executable, "-c", ENTRY, *RUN, "--results", "script"]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    is_done(done, tmp_path / "script")


@pytest.mark.slow
@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1, 2)])
def test_streams_that_are_closed_are_done_without(
    closed: tuple[int, ...], environment: dict[str, str], tmp_path: Path
) -> None:
    code = f"import os, sys\nfor stream in {closed}: os.close(stream)\nos.execv(sys.executable, sys.argv[1:])"
    line = [sys.executable, "-c", code, sys.executable, "-m", "bench", *RUN]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    is_done(done, tmp_path / "results")


def test_a_current_folder_that_was_removed_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.executable, sys.argv[1:])"
    line = [sys.executable, "-c", code, sys.executable, "-m", "bench", "doctor"]
    environment |= {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, cwd=gone, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "the current folder cannot be used (No such file or directory): change to another one" in done.stderr


def test_threads_are_as_few_as_openmp_was_told(command: Command, environment: dict[str, str], tmp_path: Path) -> None:
    is_done(command(*RUN, env=environment | {"OMP_NUM_THREADS": "1"}), tmp_path / "results")
    run = load_runs(tmp_path / "results")[0][0]
    assert run.trial.threads == 1
    assert run.environment["omp_num_threads"] == 1
    assert run.environment["omp_thread_limit"] is None
    assert run.environment["cpu_affinity"] == len(os.sched_getaffinity(0))
    assert "cpu_quota" in run.environment


def test_a_driver_that_supports_nothing_is_unknown(
    command: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= on_path(tmp_path / "site", NO_SUPPORT) | {"CUDA_VISIBLE_DEVICES": "0"}
    done = command("doctor", "--json", env=environment)
    assert done.returncode == 0, done.stderr
    assert '{"check": "gpu_memory_bytes", "finding": "None"}' in done.stdout


def test_labels_that_do_not_fit_are_one_line_before_any_training(environment: dict[str, str], tmp_path: Path) -> None:
    project, data = copy_of_the_project(tmp_path / "project"), Path(environment["MNIST_BENCH_DATA"])
    raw = tmp_path / "data" / "Own" / "raw"
    shutil.copytree(data / "MNIST" / "raw", raw)
    for path in raw.glob("*labels*"):
        content = path.read_bytes()
        path.write_bytes(content[:8] + bytes(label + 1 for label in content[8:]))
    with (project / "bench" / "data" / "registry.py").open("a") as registry:
        registry.write(
            "\nimport dataclasses, hashlib, pathlib\n"
            f"files = sorted(pathlib.Path({str(raw)!r}).glob('*-ubyte'))\n"
            "hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}\n"
            "DATASETS['own'] = dataclasses.replace(MNIST, name='own', folder='Own/raw', sha256=hashes)\n"
        )
    line = [sys.executable, "-m", "bench", *RUN, "--dataset", "own", "--data-dir", tmp_path / "data"]
    done = subprocess.run(line, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: dataset own is not as its entry in bench/data/registry.py says: ")
    assert "train-labels-idx1-ubyte holds labels from 1 to 10: 10 classes are labelled from 0 to 9" in done.stderr
    assert not (project / "results").exists()
