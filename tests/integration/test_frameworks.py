"""Other frameworks, each in a process of its own."""

from pathlib import Path

import pytest

from bench.records.throughput import ARTICLE, OURS, ThroughputRecord, load_throughput
from bench.throughput.frameworks import measure as measuring
from bench.throughput.frameworks.registry import PEERS, Peer, Task
from tests.conftest import Command


def test_a_framework_that_is_not_installed_is_a_row_that_says_so(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "PEERS", PEERS | {"jax": Peer("with_jax", ("no-such-package",))})
    monkeypatch.setattr(measuring, "ROUNDS", 2)
    ours, article, theirs = measuring.epochs_in_turn((OURS, ARTICLE, "jax"), Task("softmax", 2, data_dir))
    assert (len(ours.epoch_s), len(article.epoch_s), article.versions.keys()) == (2, 2, {"torch", "torchvision"})
    assert (theirs.epoch_s, theirs.note) == ([], "not installed: make peers installs it")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_has_a_row_for_each_framework(command: Command, tmp_path: Path) -> None:
    done = command("peers", "--models", "softmax", "--json", timeout=560)
    assert done.returncode == 0, done.stderr
    record = ThroughputRecord.model_validate_json(done.stdout)
    assert load_throughput(tmp_path / "results")[0] == [record]
    (softmax,) = record.models
    assert [times.framework for times in softmax.times] == [*PEERS]
    for times in softmax.times:
        installed = measuring.versions_of(times.framework) is not None
        assert (len(times.epoch_s), times.note == "") == (measuring.ROUNDS * installed, installed), times.note
    assert "## Beside other frameworks" in (tmp_path / "results" / "README.md").read_text()
