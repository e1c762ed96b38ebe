"""Imports keep to the folders' layers, and the diagram in the README shows these."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.conftest import ROOT

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache', '--no-logo'])"


def lint(project: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", LINT], cwd=project, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("bench", "models"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "assets"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_keeps_to_the_layers(project: Path) -> None:
    done = lint(project)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("bench/records/schema.py", "from bench.report.render import render", "bench.records is not allowed to import"),
        ("bench/analysis/groups.py", "import torch", "bench.analysis.groups -> torch"),
        ("models/cnn.py", "import bench.common.errors", "models.cnn -> bench.common.errors"),
        ("bench/report/elements/style.py", "import bench.report.pages.html", "bench.report.elements is not allowed"),
    ],
)
def test_a_forbidden_import_is_refused(project: Path, file: str, line: str, broken: str) -> None:
    path = project / file
    path.write_text(f"{path.read_text()}\n\ndef late() -> None:\n    {line}\n")
    done = lint(project)
    assert done.returncode == 1
    assert broken in done.stdout


def drawn() -> dict[str, set[str]]:
    """The arrows of the diagram in the README: folder -> folders it may import."""
    arrows: dict[str, set[str]] = {}
    for left, right in re.findall(r"^    ([\w& ]+?) --> ([\w& ]+)$", (ROOT / "README.md").read_text(), re.MULTILINE):
        for folder in left.split(" & "):
            arrows.setdefault(folder, set()).update(right.split(" & "))
    return arrows


def reachable(folder: str, arrows: dict[str, set[str]]) -> set[str]:
    direct = arrows.get(folder, set())
    return direct.union(*(reachable(other, arrows) for other in direct))


def imported() -> dict[str, set[str]]:
    """Which folder really imports which."""
    graph = grimp.build_graph("bench", "models", exclude_type_checking_imports=True, cache_dir=None)
    pairs = {
        (folder_of(module), folder_of(other))
        for module in graph.modules
        for other in graph.find_modules_directly_imported_by(module)
    }
    folders: dict[str, set[str]] = {}
    for folder, other in pairs:
        if folder and other and folder != other:
            folders.setdefault(folder, set()).add(other)
    return folders


def folder_of(module: str) -> str:
    """``bench.report.render`` -> ``report``; nothing for ``bench`` itself and its command line."""
    package, *rest = module.split(".")
    return "models" if package == "models" else rest[0] if rest and rest[0] != "__main__" else ""


def test_the_diagram_allows_every_import_and_draws_no_arrow_for_none() -> None:
    arrows, real = drawn(), imported()
    assert {folder: sorted(others - reachable(folder, arrows)) for folder, others in real.items()} == {
        folder: [] for folder in real
    }
    assert {folder: others - real.get(folder, set()) for folder, others in arrows.items()} == {
        folder: set() for folder in arrows
    }


def test_the_table_of_folders_says_what_the_folders_say() -> None:
    table = dict(re.findall(r"^\| `(\w+)/` \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE))
    contracts = {
        path.parent.name: (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        for path in (ROOT / "bench").glob("*/__init__.py")
    }
    assert {
        folder: contract[0].lower() + contract[1:].removesuffix(".") for folder, contract in contracts.items()
    } == table


@pytest.mark.parametrize(
    "module",
    [
        "bench.report", "bench.analysis.compare", "bench.records.storage", "bench.runner.trial_runner",
        "bench.runner.workers.executor", "bench.cli.app", "bench.data.registry",
    ],
)  # fmt: skip
def test_reading_and_the_commands_start_without_torch(module: str) -> None:
    assert not starts_with(module, "torch")


@pytest.mark.parametrize("module", ["bench.runner.plan", "bench.training.trial"])
def test_a_run_waits_for_neither_torchvision_nor_the_cluster(module: str) -> None:
    assert not starts_with(module, "torchvision", "bench.runner.ray_cluster", "ray")


def starts_with(module: str, *others: str) -> bool:
    """Any of them is imported with the module, in a process of its own."""
    code = f"import sys, {module}; sys.exit(bool({set(others)!r} & sys.modules.keys()))"
    return bool(subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode)


def test_no_model_is_named_in_the_harness() -> None:
    sources = [*(ROOT / "bench" / "training").glob("*.py"), *(ROOT / "bench" / "runner").rglob("*.py")]
    named = [path.name for path in sources if re.search(r"[\"'](cnn|mlp|softmax)[\"']", path.read_text())]
    assert len(sources) > 30
    assert named == []


def test_models_are_imported_without_bench() -> None:
    code = "import sys, models; assert not [m for m in sys.modules if m.split('.')[0] == 'bench'], 'bench imported'"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
