"""The package as it is handed on: a wheel, in an environment that has nothing else, away from any checkout."""

import shutil
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from bench.records.storage import load_runs
from models import list_models
from tests.conftest import ROOT
from tests.support.processes import CLEAN
from tests.support.small_runs import UNTIMED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def run(*line: object, cwd: Path) -> str:
    done = subprocess.run([*map(str, line)], cwd=cwd, env=CLEAN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("bench", "models"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, folder, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_code_data_pages_and_licences_and_no_more(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"bench", "models", "mnist_bench"}
    kept = [path for name in ("bench", "models") for path in (ROOT / name).rglob("*") if path.is_file()]
    expected = {str(path.relative_to(ROOT)) for path in kept if "__pycache__" not in path.parts}
    assert expected == {name for name in names if not name.startswith("mnist_bench")}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert wheel.stat().st_size < 15e6


def link_requirements(site_packages: Path) -> None:
    """Make importable what the wheel there asks for, and what that asks for in turn, by links to this environment's."""
    (ours,) = metadata.distributions(name="mnist-bench", path=[str(site_packages)])
    waiting, seen = [(ours, {""})], set[str]()
    while waiting:
        distribution, extras = waiting.pop()
        for requirement in map(Requirement, distribution.requires or []):
            applies = not requirement.marker or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)
            if not applies or str(requirement) in seen:
                continue
            seen.add(str(requirement))
            other = metadata.distribution(requirement.name)
            waiting.append((other, {"", *requirement.extras}))
            for name in {file.parts[0] for file in other.files or []} - {"..", "__pycache__"}:
                if not (site_packages / name).exists():
                    (site_packages / name).symlink_to(str(other.locate_file(name)))


@pytest.mark.parametrize("how", ["linked", pytest.param("installed", marks=pytest.mark.soak)])
def test_it_runs_from_any_folder_in_an_empty_environment(wheel: Path, tmp_path: Path, how: str) -> None:
    """Its requirements are linked, or installed, which takes minutes and 5 GB; nothing else can be imported."""
    if how == "installed" and shutil.disk_usage(tmp_path).free < 12e9:
        pytest.skip("needs 12 GB for a second environment")
    try:
        venv.create(tmp_path / "env", with_pip=True)
        scripts, elsewhere = tmp_path / "env" / "bin", tmp_path / "elsewhere"
        elsewhere.mkdir()
        if how == "linked":
            run(scripts / "pip", "install", "--quiet", "--no-deps", wheel, cwd=elsewhere)
            link_requirements(next((tmp_path / "env" / "lib").glob("python*/site-packages")))
            left_out = "import importlib.util; assert not importlib.util.find_spec('hypothesis')"
            run(scripts / "python", "-c", left_out, cwd=elsewhere)
        else:
            run(scripts / "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel, cwd=elsewhere)
        run(scripts / "pip", "check", cwd=elsewhere)
        shown = run(
            scripts / "mnist-bench",
            *UNTIMED,
            "--data-dir",
            tmp_path / "data",
            cwd=elsewhere,
        )
        assert "report: results/report.html" in shown
        runs, problems = load_runs(elsewhere / "results")
        assert problems == []
        assert {run.trial.model: run.status for run in runs} == dict.fromkeys(list_models(controls=False), "done")
        assert {(run.git.commit, run.git.dirty) for run in runs} == {(None, None)}, "it is no checkout"
        assert (elsewhere / "results" / "playground.html").is_file()
    finally:
        shutil.rmtree(tmp_path / "env", ignore_errors=True)
