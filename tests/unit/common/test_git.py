import pytest

from bench.common.git import git_environment
from tests.conftest import ROOT


def test_git_is_pointed_nowhere_and_trusts_this_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_LITERAL_PATHSPECS", "GIT_CONFIG_PARAMETERS"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/home/user/config")
    monkeypatch.setenv("NO_GIT", "kept")
    environment = git_environment()
    assert {name: value for name, value in environment.items() if "GIT" in name} == {
        "GIT_CONFIG_GLOBAL": "/home/user/config",
        "NO_GIT": "kept",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": str(ROOT),
    }
    assert "PATH" in environment
