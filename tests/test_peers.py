"""Other frameworks: their record, their table, and that one which is missing is a row that says so."""

import itertools
from pathlib import Path

import pandas as pd
import pytest

from bench.peer_records import OURS, PeersRecord, load_peers, save_peers
from bench.peers import LAYERS, PEERS, Peer, Task
from bench.peers import measure as measuring
from bench.peers.data import normalised, training_set
from bench.report import render
from bench.report.peers import rows_of
from models import create_model
from tests.conftest import ROOT, Command
from tests.factories import START, make_peers


def test_frameworks_stand_in_order_of_speed_as_ratios_to_ours() -> None:
    assert [(row["framework"], row["epoch, s"], row["of ours"], row["note"]) for row in rows_of(make_peers())] == [
        ("keras-tensorflow", "0.5", "0.50 (0.25 to 0.50)", ""),
        (OURS, "1", "", ""),
        ("jax", "2", "2.00 (1.00 to 3.00)", ""),
        ("lightning", "", "", "not installed"),
    ]


def test_the_newest_record_is_shown_and_what_is_none_is_named(tmp_path: Path) -> None:
    record = make_peers()
    save_peers(tmp_path, record.model_copy(update={"started_at": START.replace(year=2025)}))
    path = save_peers(tmp_path, record)
    path.with_name("foreign.json").write_text("{}")
    records, problems = load_peers(tmp_path)
    assert records == [record]
    assert [problem.path.name for problem in problems] == ["foreign.json"]
    assert "0.50 (0.25 to 0.50)" in render(tmp_path).page.read_text()
    table = pd.read_csv(tmp_path / "tables" / "peers.csv")
    assert list(table.framework) == [OURS, "jax", "lightning", "keras-tensorflow"]


def test_a_framework_that_is_not_installed_is_a_row_that_says_so(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "PEERS", {"jax": Peer("in_jax", ("no-such-package",))})
    monkeypatch.setattr(measuring, "ROUNDS", 2)
    ours, theirs = measuring._measure(Task("softmax", 2, data_dir))
    assert len(ours.epoch_s) == 2
    assert (theirs.epoch_s, theirs.note) == ([], "not installed: make peers installs it")


def test_every_peer_has_its_file_and_loads_no_torch_but_lightnings() -> None:
    for name, peer in PEERS.items():
        source = (ROOT / "bench" / "peers" / f"{peer.module}.py").read_text()
        assert ("import torch" in source) == (name == "lightning")


@pytest.mark.parametrize("model", LAYERS)
def test_the_widths_are_those_of_our_models(model: str) -> None:
    sizes = [784, *LAYERS[model]]
    expected = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    assert sum(parameter.numel() for parameter in create_model(model).parameters()) == expected


def test_data_for_others_is_the_recipes() -> None:
    images, labels = training_set()
    assert (images.shape, labels[:5].tolist()) == ((60_000, 28, 28), [5, 0, 4, 1, 9])
    pixels = normalised(images[:10])
    assert (pixels.min(), pixels.max()) == (-1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_that_is_installed_is_timed(peer: str, data_dir: Path) -> None:
    if measuring.versions_of(peer) is None:
        pytest.skip(f"{peer} is not installed")
    times = [each for each in measuring._measure(Task("softmax", 2, data_dir)) if each.peer == peer]
    assert times[0].note == ""
    assert len(times[0].epoch_s) == measuring.ROUNDS


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_has_a_row_for_each_framework(command: Command, tmp_path: Path) -> None:
    done = command("peers", "--models", "softmax", "--json", timeout=560)
    assert done.returncode == 0, done.stderr
    record = PeersRecord.model_validate_json(done.stdout)
    assert load_peers(tmp_path / "results")[0] == [record]
    assert {each.peer for each in record.times} == {OURS, *PEERS}
    assert all(each.epoch_s or each.note for each in record.times)
    assert "## Beside other frameworks" in (tmp_path / "results" / "README.md").read_text()
