"""What stands beside the code is true of it: citation, changelog, licences, hooks."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.support.documents import copy_of_the_project

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_citation_is_of_this_version_and_the_code_s_licence() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys(), "what the format requires"
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"].partition(" AND ")[0], "a list would mean: either"
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in PROJECT["authors"]]


def test_the_changelog_begins_with_this_version() -> None:
    versions = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert versions[0].split()[1] == PROJECT["version"]


def test_both_licences_are_named_and_go_along() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "MIT License" in text
    assert "CC-BY-SA-3.0" in text
    for name in PROJECT["license-files"]:
        assert (ROOT / name).is_file()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project as it stands, committed in a repository of its own, with this environment as its ``.venv``."""
    tmp_path = tmp_path / "checkout"
    copy_of_the_project(tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns("results"))
    for name in ("README.md", "CONTRIBUTING.md", ".pre-commit-config.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / ".gitignore").write_text((ROOT / ".gitignore").read_text() + "\n.venv\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all of it"]):
        git(tmp_path, *words)
    return tmp_path


def git(folder: Path, *words: str) -> None:
    author = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    subprocess.run(["git", *author, *words], cwd=folder, check=True)


def pre_commit(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "pre_commit", "run", *words]
    environment = os.environ | {"PRE_COMMIT_HOME": str(folder.parent / "hooks"), "NO_COLOR": "1"}
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_hooks_pass_as_it_is_and_stop_an_import_against_the_layers(checkout: Path) -> None:
    done = pre_commit(checkout, "--all-files")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == 4, done.stdout

    errors = checkout / "bench" / "common" / "errors.py"
    errors.write_text(
        f"{errors.read_text()}\n\ndef against() -> None:\n    from bench.runner import suites\n\n    print(suites)\n"
    )
    git(checkout, "add", "-A")
    stopped = pre_commit(checkout)
    assert stopped.returncode == 1
    assert "bench.common is not allowed to import bench.runner" in stopped.stdout
