"""The arrows of the design, and a test of the test."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.layers import imports, package_imports, violations

MODULES = package_imports(ROOT / "bench") | package_imports(ROOT / "models")
READING = (
    "bench.report",
    "bench.stats",
    "bench.records",
    "bench.storage",
    "bench.groups",
    "bench.compare",
    "bench.noise",
    "bench.probe_records",
)
TORCH = ("torch", "torchvision", "safetensors", "models")
RULES = [
    (("models",), ("bench",)),
    (READING, TORCH),
    (("bench.runner",), (*TORCH, "bench.report")),
    (("bench.report",), ("bench.runner", "bench.executors", "bench.trials", "bench.train", "bench.datasets")),
    (("bench.train", "bench.pipeline", "bench.evaluate", "bench.timing"), ("models", "bench.runner", "bench.report")),
    (("bench.stats",), ("bench.records", "pandas")),
]


@pytest.mark.parametrize(("importers", "banned"), RULES)
def test_no_import_goes_against_the_arrows(importers: tuple[str, ...], banned: tuple[str, ...]) -> None:
    modules = MODULES if "bench.runner" not in importers else without_lazy_worker_import()
    assert violations(modules, importers, banned) == []


def without_lazy_worker_import() -> dict[str, set[str]]:
    """The executor imports the trial's code inside the worker process alone; the runner's process never does."""
    lazy = ("bench.trials", "bench.train", "bench.probes.execute")
    return MODULES | {"bench.executors": {name for name in MODULES["bench.executors"] if not name.startswith(lazy)}}


@pytest.mark.parametrize(
    "module", ["bench.report", "bench.compare", "bench.stats", "bench.records", "bench.runner", "bench.cli"]
)
def test_the_reading_half_and_the_commands_start_without_torch(module: str) -> None:
    assert not imported_by(module, "torch")


@pytest.mark.parametrize("module", ["bench.plan", "bench.trials"])
def test_what_a_run_starts_with_waits_for_neither_torchvision_nor_the_cluster(module: str) -> None:
    assert not imported_by(module, "torchvision", "bench.cluster", "ray")


def test_nothing_but_the_cluster_imports_ray() -> None:
    assert [name for name, imported in MODULES.items() if "ray" in imported and "bench.cluster" not in name] == []


def imported_by(module: str, *others: str) -> bool:
    """Any of them, in a process of its own."""
    code = f"import sys, {module}; sys.exit(bool({set(others)!r} & sys.modules.keys()))"
    return bool(subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode)


def test_no_model_is_named_in_the_harness() -> None:
    for name in ("train", "pipeline", "evaluate", "timing", "runner", "executors"):
        source = (ROOT / "bench" / f"{name}.py").read_text()
        assert not [model for model in ('"cnn"', '"mlp"', '"softmax"') if model in source], name


def test_the_test_sees_direct_lazy_and_distant_imports() -> None:
    modules = {
        "house.reader": imports("from house import middle"),
        "house.middle": imports("def f():\n    import torch.nn"),
        "house.clean": imports("import json\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"),
    }
    assert violations(modules, ("house.reader",), ("torch",)) == ["house.reader imports torch.nn"]
    assert violations(modules, ("house.middle",), ("torch",)) == ["house.middle imports torch.nn"]
    assert violations(modules, ("house.clean",), ("torch",)) == []
    assert violations(modules, ("house",), ("tor",)) == [], "only whole names count"


def test_the_test_reads_every_module() -> None:
    files = {path.name for folder in ("bench", "models") for path in (ROOT / folder).rglob("*.py")}
    assert len(files) <= len(MODULES)
    assert {"bench", "bench.report", "bench.report.render", "models.registry"} <= MODULES.keys()
