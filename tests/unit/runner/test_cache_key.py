"""A key says what trains: which edits of the source have a trial trained, or a probe run, again."""

import functools
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.common.fingerprint import Pinned, fingerprint, matching_files
from bench.probes.registry import FINGERPRINTS, PROBES, probe_fingerprint
from bench.runner.allocator import ALLOCATOR
from bench.runner.cache_key import CodeIdentity, identify_code, run_key
from bench.training.version import HARNESS, harness_fingerprint, model_fingerprint
from models import ModelSource, registry
from tests.conftest import ROOT
from tests.support.factories import DATA, MACHINE, make_trial

PROBE = "distortion"
HARNESS_ALONE, PROBE_ALONE = frozenset({"harness"}), frozenset({"probe"})


class Edit(NamedTuple):
    """One edit of a file of the project, and whose identity it changes: ``harness``, ``cnn``, ``mlp``, ``probe``."""

    name: str
    file: str
    old: str
    new: str
    changes: frozenset[str] = frozenset()


EDITS = [
    Edit("a comment", "bench/training/train_step.py", "    def __call__", "    # why not\n    def __call__"),
    Edit("docstrings", "bench/training/train.py", '"""', '"""\n    '),
    Edit("no docstring", "bench/training/timing.py", '"""Total seconds measured under ``name`` so far."""', ""),
    Edit("layout", "bench/training/pipeline.py", "return zip(", "return zip(  \n"),
    Edit("quotes", "bench/training/precision.py", '"tf32" if precision == "tf32"', "'tf32' if precision == 'tf32'"),
    Edit(
        "imports in another order", "bench/training/evaluate.py", "import torch\nimport torch.nn.functional as F\n",
        "import torch.nn.functional as F\nimport torch\n",
    ),
    Edit("the report", "bench/report/elements/formatting.py", "100 *", "101 *"),
    Edit("an operation", "bench/training/pipeline.py", ".sub_(shift)", ".add_(shift)", HARNESS_ALONE),
    Edit("a constant", "bench/recipes/schedules.py", "FIRST, LAST = 1 / 25,", "FIRST, LAST = 1 / 20,", HARNESS_ALONE),
    Edit("a type of constant", "bench/training/evaluate.py", "BATCH_SIZE = 250", "BATCH_SIZE = 250.0", HARNESS_ALONE),
    Edit("an operator", "bench/training/train.py", "loss_sum.item() / min", "loss_sum.item() * min", HARNESS_ALONE),
    Edit("an option", "bench/training/model_optimizer.py", "set_to_none=True", "set_to_none=False", HARNESS_ALONE),
    Edit("a default", "bench/training/evaluate.py", "int | None = None", "int | None = 100", HARNESS_ALONE),
    Edit("a decorator", "bench/training/evaluate.py", "@torch.no_grad()", "@torch.inference_mode()", HARNESS_ALONE),
    Edit(
        "an imported name", "bench/training/evaluate.py", "from bench.training.precision import autocast",
        "from bench.training.precision import check_precision as autocast", HARNESS_ALONE,
    ),
    Edit(
        "a module that is not ours", "bench/training/evaluate.py", "import torch.nn.functional as F",
        "import torch.special as F", HARNESS_ALONE,
    ),
    Edit("the reading of files", "bench/data/idx.py", "return", "return 0 or", HARNESS_ALONE),
    Edit("a model", "models/cnn.py", "128, num_classes", "128 + 0, num_classes", frozenset({"cnn"})),
    Edit("a model's docstring", "models/cnn.py", "The article puts ReLU", "The author puts ReLU"),
    Edit("a model's helper", "models/_widths.py", "WIDTH = 256", "WIDTH = 257", frozenset({"mlp"})),
    Edit("a helper's helper", "models/_base.py", "BASE = 1", "BASE = 2", frozenset({"mlp"})),
    Edit("the registry", "models/registry.py", "controls: bool = True", "controls: bool = 1", HARNESS_ALONE),
    Edit("a probe", "bench/probes/distortion.py", "SEED = 0", "SEED = 1", PROBE_ALONE),
    Edit("what a probe uses", "bench/data/corruptions/noise.py", "PHOTONS = 3", "PHOTONS = 4", PROBE_ALONE),
    Edit("what probes are run with", "bench/probes/execute.py", "task.images", "task.train_images", PROBE_ALONE),
    Edit("another probe", "bench/probes/calibration.py", "BINS = 15", "BINS = 16"),
]  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, with an MLP that imports its width from a helper, which has a helper itself."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("bench", "models"):
        shutil.copytree(ROOT / name, folder / name, ignore=lambda _, names: [n for n in names if not is_source(n)])
    mlp = folder / "models" / "mlp.py"
    mlp.write_text(f"from ._widths import WIDTH\n{mlp.read_text()}")
    (folder / "models" / "_widths.py").write_text("import models._base\nWIDTH = 256\n")
    (folder / "models" / "_base.py").write_text("BASE = 1\n")
    return folder


@pytest.fixture(scope="module")
def before(project: Path) -> dict[str, str]:
    return identities(project)


def is_source(name: str) -> bool:
    return name.endswith(".py") or "." not in name


def identities(project: Path) -> dict[str, str]:
    models = {name: ModelSource(name, project / "models" / f"{name}.py") for name in ("cnn", "mlp")}
    code: CodeIdentity = identify_code(models, [PROBE], project / "bench")
    return {"harness": code.harness, **code.models, "probe": code.probes[PROBE]}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_changes_the_identities_of_what_it_changes_and_no_other(
    project: Path, before: dict[str, str], edit: Edit
) -> None:
    path = project / edit.file
    source = path.read_text()
    assert edit.old in source
    try:
        path.write_text(source.replace(edit.old, edit.new))
        assert changed(before, identities(project)) == edit.changes
    finally:
        path.write_text(source)


def test_a_file_that_moves_keeps_the_fingerprint(project: Path, tmp_path: Path) -> None:
    sources = matching_files(project / "bench", ["training/train.py", "training/train_step.py", "training/evaluate.py"])
    moved = [tmp_path / path.name.replace("evaluate", "assess") for path in sources]
    for path, target in zip(sources, moved, strict=True):
        elsewhere = path.read_text().replace("from bench.training.", "from bench.deep.down.")
        target.write_text(elsewhere.replace("down.evaluate import", "down.assess import"))
    assert moved[0].name == "assess.py"
    assert fingerprint(moved) == fingerprint(sources)


def test_a_pattern_that_matches_nothing_is_an_error(project: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no Python file below bench matches gone/\*\.py"):
        matching_files(project / "bench", ["training/train.py", "gone/*.py"])


def test_a_model_that_imports_what_it_does_not_name_has_all_of_its_folder(project: Path) -> None:
    dynamic = project / "models" / "dynamic.py"
    dynamic.write_text("from models import create_model\nnet = create_model('cnn')\n")
    cnn = project / "models" / "cnn.py"
    source = cnn.read_text()
    try:
        before = identify_code({"dynamic": ModelSource("dynamic", dynamic)}, [], project / "bench").models
        cnn.write_text(source + "\nX = 1\n")
        assert identify_code({"dynamic": ModelSource("dynamic", dynamic)}, [], project / "bench").models != before
    finally:
        cnn.write_text(source)
        dynamic.unlink()


TRICKY = r'''
"""Docstring."""
import os.path as p, sys
from .near import (a as b, c)
def f(x: int = -1, /, *y, z=None, **w) -> "str":
    "doc"
    global G
    return f"{{{x!r:>{z}}}} {y[0]}" "tail" rf"\d{x}" + u"old" if (n := {**w, "k": ...}) else b"\0"
match G:
    case [1, *r] | {"k": r, **s} if s: pass
    case C(x=None): ...
try: pass
except* OSError: raise
'''
"""Grammar that syntax trees of different Pythons hold in different ways."""
TRICKY_FINGERPRINT = "2cc9dbce8a8ee7c5d12eb06a4d58a277c05b8a19d39eaa27667d614daca7f83f"


HELPERS = {
    "net.py": "from models.parts.blocks import block",
    "parts/__init__.py": "A = 1",
    "parts/blocks.py": "from ..base import BASE\nfrom parts.attention import head",
    "parts/attention.py": "head = 1",
    "base.py": "BASE = 1",
    "late.py": "from importlib import import_module as load\nload('models.base')",
}


@pytest.mark.parametrize(
    ("file", "models"),
    [
        ("parts/__init__.py", {"net", "late"}),
        ("parts/attention.py", {"net", "late"}),
        ("base.py", {"net", "late"}),
        ("net.py", {"net", "late"}),
        ("late.py", {"late"}),
    ],
)
def test_whatever_a_model_imports_is_part_of_it(tmp_path: Path, file: str, models: set[str]) -> None:
    """Packages on the way, relative and absolute imports of helpers' helpers, and all where nobody can tell."""
    for name, source in HELPERS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    before = {name: model_fingerprint(tmp_path / f"{name}.py", tmp_path) for name in ("net", "late")}
    (tmp_path / file).write_text(f"{HELPERS[file]}\nX = 1")
    after = {name: model_fingerprint(tmp_path / f"{name}.py", tmp_path) for name in before}
    assert changed(before, after) == models


def test_a_model_behind_a_link_is_the_same_model(tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(ROOT / "models")
    linked = model_fingerprint(tmp_path / "models" / "cnn.py", tmp_path / "models")
    assert linked == model_fingerprint(ROOT / "models" / "cnn.py", ROOT / "models")


def test_a_package_behind_a_link_has_the_same_probes(tmp_path: Path) -> None:
    (tmp_path / "bench").symlink_to(ROOT / "bench")
    assert probe_fingerprint(PROBE, tmp_path / "bench") == probe_fingerprint(PROBE)


def test_the_same_name_from_another_module_is_another_import(tmp_path: Path) -> None:
    """Paths are left out of imports, so it must still be told which of two modules is meant."""
    sources = {"one": "step: int = 1", "two": "step, other = 2, 3", "user": "from bench.one import step"}
    paths = [tmp_path / f"{name}.py" for name in sources]
    for path, source in zip(paths, sources.values(), strict=True):
        path.write_text(source)
    before = fingerprint(paths)
    for other in ("from bench.two import step", "from bench.not_hashed import step"):
        paths[2].write_text(other)
        assert fingerprint(paths) != before
    paths[0].rename(tmp_path / "uno.py")
    paths[2].write_text("from bench.elsewhere.uno import step")
    assert fingerprint([tmp_path / "uno.py", *paths[1:]]) == before


def test_what_is_no_python_counts_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "template.py"
    prints = set()
    for source in (b"{{ name }} = (", b"{{ name }} = ( # comment", b"\0"):
        path.write_bytes(source)
        prints.add(model_fingerprint(path, tmp_path))
    assert len(prints) == 3


def test_a_decorated_model_is_the_file_it_is_written_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_FACTORIES", {})

    @functools.lru_cache
    def net(num_classes: int = 10) -> None: ...

    registry.register_model(net)  # type: ignore[arg-type]
    assert registry.model_source("net") == Path(__file__)


def test_every_python_gives_the_same_fingerprint(tmp_path: Path) -> None:
    """Pinned, so that it holds on whichever Python the tests run on."""
    path = tmp_path / "tricky.py"
    path.write_text(TRICKY)
    assert fingerprint([path]) == TRICKY_FINGERPRINT


@pytest.mark.filterwarnings("error")
def test_an_odd_escape_is_python_whatever_is_done_with_warnings(tmp_path: Path) -> None:
    path = tmp_path / "escape.py"
    path.write_text("PATTERN = '\\d'")
    before = fingerprint([path])
    path.write_text("PATTERN = '\\d'  # digits")
    assert fingerprint([path]) == before


def test_a_node_with_another_allocator_has_runs_of_its_own() -> None:
    code = CodeIdentity(harness="version 1", models={"cnn": "a"}, probes={})
    keys = {
        run_key(make_trial(), DATA, code, MACHINE, allocator) for allocator in (None, ALLOCATOR, {"LD_PRELOAD": "x"})
    }
    assert len(keys) == 2, "the settings of a worker started here are those of ALLOCATOR"


def test_the_sources_are_pinned() -> None:
    """Fails after an edit: pin anew what means the same, add a line of history for what does not."""
    assert HARNESS.fingerprint == harness_fingerprint(), "python -m bench.training.version"
    assert {name: probe_fingerprint(name) for name in PROBES} == FINGERPRINTS, "python -m bench.probes.registry"


def test_what_nobody_has_judged_is_named_by_its_source() -> None:
    judged = Pinned("abc", ("first", "second"))
    assert judged.identity("abc").startswith("version 2 ")
    assert judged.identity("abc") != Pinned("abc", ("first", "another branch's second")).identity("abc")
    assert judged.identity("abd") == "abd"
    assert all(probe.history for probe in PROBES.values())
