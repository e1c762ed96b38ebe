import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench.common.errors import UserError
from bench.common.package import MODELS, claim_models, same_imports


def test_models_are_those_beside_bench_whatever_the_path_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models.py").write_text("raise AssertionError('of another project')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "models"]:
        monkeypatch.delitem(sys.modules, name)
    claim_models()
    import models.registry

    assert Path(models.registry.__file__ or "") == MODELS / "registry.py"


def test_a_copy_of_ours_with_more_models_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(MODELS, tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "models")
    spec = importlib.util.find_spec("models")
    assert spec is not None
    assert spec.origin == str(tmp_path / "models" / "__init__.py")


@pytest.mark.parametrize("attributes", [{"__path__": ["/home/user/models"]}, {"__file__": "/home/user/models.py"}])
def test_a_foreign_package_that_was_imported_before_is_named(
    attributes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = ModuleType("models")
    vars(foreign).update(attributes)
    monkeypatch.setitem(sys.modules, "models", foreign)
    with pytest.raises(UserError, match=r"from /home/user/models.*: import bench first"):
        claim_models()


def test_processes_inside_look_for_modules_where_this_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "before")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    with same_imports():
        assert os.environ["PYTHONPATH"].split(os.pathsep) == [str(Path(entry).absolute()) for entry in sys.path]
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert os.environ["PYTHONPATH"] == "before"
    assert "PYTHONSAFEPATH" not in os.environ
