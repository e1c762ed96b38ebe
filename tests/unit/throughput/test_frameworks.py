"""Other frameworks: their record, their table, and that one which is missing is a row that says so."""

import itertools
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from bench.records.throughput import ARTICLE, OURS, EpochTimes, ThroughputRecord, load_throughput, save_throughput
from bench.report import render
from bench.report.sections.frameworks import rows_of
from bench.throughput.frameworks import measure as measuring
from bench.throughput.frameworks import with_article
from bench.throughput.frameworks.data import normalised, training_set
from bench.throughput.frameworks.registry import LAYERS, PEERS, Peer, Task
from bench.training.precision import set_matrix_precision
from models import create_model
from tests.conftest import ROOT, Command
from tests.support.factories import START, make_peers


def test_frameworks_stand_in_order_of_speed_as_ratios_to_ours() -> None:
    assert [(row["framework"], row["epoch, s"], row["of ours"], row["note"]) for row in rows_of(make_peers())] == [
        ("keras-tensorflow", "0.5", "0.50 (0.25 to 0.50)", ""),
        (OURS, "1", "", ""),
        ("jax", "2", "2.00 (1.00 to 3.00)", ""),
        ("lightning", "", "", "not installed"),
    ]


def test_the_newest_record_is_shown_and_what_is_none_is_named(tmp_path: Path) -> None:
    record = make_peers()
    save_throughput(tmp_path, record.model_copy(update={"started_at": START.replace(year=2025)}))
    path = save_throughput(tmp_path, record)
    path.with_name("foreign.json").write_text("{}")
    records, problems = load_throughput(tmp_path)
    assert records == [record]
    assert [problem.path.name for problem in problems] == ["foreign.json"]
    assert "0.50 (0.25 to 0.50)" in render(tmp_path).page.read_text()
    table = pd.read_csv(tmp_path / "tables" / "peers.csv")
    assert list(table.framework) == [OURS, "jax", "lightning", "keras-tensorflow"]


def test_a_record_of_schema_1_is_read_as_one_of_today(tmp_path: Path) -> None:
    (tmp_path / "peers").mkdir()
    shutil.copy(ROOT / "tests" / "support" / "golden" / "peers-schema-1.json", tmp_path / "peers")
    (record,), problems = load_throughput(tmp_path)
    assert problems == []
    assert (record.schema_version, record.folder, record.precision, record.peaks) == (2, "peers", "fp32", None)
    assert [model.model for model in record.models] == ["softmax", "mlp", "cnn"]
    names = [OURS, "jax", "keras-tensorflow", "scikit-learn", "lightning"]
    assert [[times.framework for times in model.times] for model in record.models] == [names] * 3
    none = EpochTimes(
        framework="scikit-learn",
        versions={"scikit-learn": "1.9.1"},
        epoch_s=[],
        note="scikit-learn has no convolutions",
    )
    assert record.models[2].times[3] == none
    jax = [0.07247475861432279, 0.0794431770838144, 0.07269167768460723, 0.07998901742813412, 0.08001516826939865]
    versions = {"jax": "0.10.2", "optax": "0.2.8"}
    assert record.models[0].times[1] == EpochTimes(framework="jax", versions=versions, epoch_s=jax)
    save_throughput(tmp_path / "again", record)
    assert load_throughput(tmp_path / "again") == ([record], [])


def test_a_framework_that_is_not_installed_is_a_row_that_says_so(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "PEERS", PEERS | {"jax": Peer("with_jax", ("no-such-package",))})
    monkeypatch.setattr(measuring, "ROUNDS", 2)
    ours, article, theirs = measuring.epochs_in_turn((OURS, ARTICLE, "jax"), Task("softmax", 2, data_dir))
    assert (len(ours.epoch_s), len(article.epoch_s), article.versions.keys()) == (2, 2, {"torch", "torchvision"})
    assert (theirs.epoch_s, theirs.note) == ([], "not installed: make peers installs it")


def test_the_articles_loop_is_float32_on_a_gpu_too(data_dir: Path) -> None:
    set_matrix_precision("tf32")
    with_article.timer(Task("cnn", torch.get_num_threads(), data_dir, precision="tf32"))
    assert torch.backends.cudnn.conv.fp32_precision == torch.backends.cuda.matmul.fp32_precision == "ieee"


def test_every_peer_has_its_file_and_loads_no_torch_but_ours_the_articles_and_lightnings() -> None:
    for name, peer in PEERS.items():
        source = (ROOT / "bench" / "throughput" / "frameworks" / f"{peer.module}.py").read_text()
        assert ("import torch" in source) == (name in (OURS, ARTICLE, "lightning"))


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
    (times,) = measuring.epochs_in_turn([peer], Task("softmax", 2, data_dir))
    assert times.note == ""
    assert len(times.epoch_s) == measuring.ROUNDS


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_has_a_row_for_each_framework(command: Command, tmp_path: Path) -> None:
    done = command("peers", "--models", "softmax", "--json", timeout=560)
    assert done.returncode == 0, done.stderr
    record = ThroughputRecord.model_validate_json(done.stdout)
    assert load_throughput(tmp_path / "results")[0] == [record]
    (softmax,) = record.models
    assert [times.framework for times in softmax.times] == [*PEERS]
    assert all(times.epoch_s or times.note for times in softmax.times)
    assert len(softmax.ratios(ARTICLE)) == measuring.ROUNDS
    assert "## Beside other frameworks" in (tmp_path / "results" / "README.md").read_text()
