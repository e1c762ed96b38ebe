"""The page that networks are embedded in. What a browser makes of it: tests/browser."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.analysis.groups import group_by_condition
from bench.probes import network
from bench.records import network_export
from bench.records.machines import Machine
from bench.records.probes import ProbeOutput, load_probes, save_probe
from bench.records.schema import Run
from bench.records.storage import load_runs, save_run
from bench.report import render
from bench.report.pages import playground
from models import create_model
from tests.support.factories import MACHINE, make_predictions, make_probe, make_run


def keep(results: Path, run: Run, output: ProbeOutput) -> None:
    """Save a run and what the probe found for it."""
    save_run(results, run, make_predictions(), b"")
    record = make_probe(run, "network", **output.numbers)
    name = f"{record.stem}.npz" if output.arrays else None
    save_probe(results, record.model_copy(update={"notes": output.notes, "arrays": name}), output.arrays)


def taken(model: str) -> ProbeOutput:
    layers, arrays = network.extract_layers(create_model(model))
    numbers = {"deviation": 0.00034, "pixel_mean": 0.5, "pixel_std": 0.5}
    return ProbeOutput(numbers, {"layers": network_export.to_text(layers)}, arrays)


def choose(results: Path) -> playground.ModelSelection:
    selection = playground.choose(results, group_by_condition(load_runs(results)[0]), load_probes(results)[0])
    assert selection is not None
    return selection


def names(selection: playground.ModelSelection) -> list[str]:
    return [model.group.model for model in selection.models]


def test_the_page_is_one_file_under_two_megabytes(tmp_path: Path) -> None:
    for model in ("cnn", "mlp", "softmax"):
        keep(tmp_path, make_run(model), taken(model))
    render(tmp_path)
    path = tmp_path / playground.FILE
    page = path.read_text(encoding="utf-8")
    assert 1_500_000 < path.stat().st_size < 2_000_000
    assert "://" not in page
    assert 'href="report.html"' in page
    assert "no probability is further than\n    0.0004 from" in page, "rounded up"
    assert page.index("<td>test-cpu-0123 (cpu)</td><td>0</td>") < page.index("c0ffee000000")


def test_the_page_holds_the_weights_and_the_digits_that_are_stored(tmp_path: Path) -> None:
    keep(tmp_path, make_run("softmax"), output := taken("softmax"))
    render(tmp_path)
    data = embedded(tmp_path / playground.FILE)
    stored = np.frombuffer(decoded(data["models"][0]["weights"]), "<f2")
    assert np.array_equal(stored, np.concatenate([output.arrays["weight_1"].ravel(), output.arrays["bias_1"]]))
    assert data["models"][0]["layers"][1]["shape"] == [10, 784]
    images, labels = playground.first_digits("mnist")
    assert np.array_equal(np.frombuffer(decoded(data["digits"]["pixels"]), np.uint8), images.ravel())
    assert data["digits"]["labels"] == labels.tolist() == sorted([*range(10)] * 2)


def embedded(page: Path) -> dict:
    text = page.read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0]
    return json.loads(text)


def decoded(text: str) -> bytes:
    return base64.b64decode(text)


def test_without_networks_there_is_no_page_and_an_old_one_goes(tmp_path: Path) -> None:
    save_run(tmp_path, make_run("mlp"), make_predictions(), b"")
    (tmp_path / playground.FILE).write_text("old")
    render(tmp_path)
    assert not (tmp_path / playground.FILE).exists()


def test_a_model_that_cannot_be_shown_is_named_with_the_reason(tmp_path: Path) -> None:
    keep(tmp_path, make_run("softmax"), taken("softmax"))
    keep(tmp_path, make_run("mlp"), ProbeOutput({}, {"left_out": "it has a layer <b>GELU</b>"}))
    render(tmp_path)
    page = (tmp_path / playground.FILE).read_text(encoding="utf-8")
    assert "Not on this page: mlp. It has a layer &lt;b&gt;GELU&lt;/b&gt;." in page


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda output: output.notes.update(layers="[]"), "it does not give 10 numbers"),
        (lambda output: output.notes.update(layers="x"), "no list of layers"),
        (lambda output: output.numbers.pop("pixel_std"), "its record holds no pixel_std"),
        (lambda output: output.arrays.pop("bias_1"), "linear lacks finite weights"),
        (lambda output: output.arrays["weight_1"].fill(np.nan), "linear lacks finite weights"),
        (lambda output: output.arrays.update(bias_1=np.zeros(9, np.float16)), "linear does not fit"),
    ],
)
def test_a_damaged_record_is_never_shown(tmp_path: Path, harm: Callable[[ProbeOutput], object], reason: str) -> None:
    keep(tmp_path, make_run("mlp"), taken("mlp"))
    harm(output := taken("softmax"))
    keep(tmp_path, make_run("softmax"), output)
    selection = choose(tmp_path)
    assert names(selection) == ["mlp"]
    assert selection.left_out["softmax"].startswith(reason)


def test_a_model_s_name_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    keep(tmp_path, make_run("softmax"), taken("softmax"))
    selection = choose(tmp_path)
    name = "<script>alert(1)</script>"
    object.__setattr__(selection.models[0].group, "model", name)
    page = playground.page(selection, playground.first_digits("mnist"), {})
    assert "<script>alert" not in page
    assert page.count("</script>") == 2, "the data's and the script's own"
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    assert embedded(tmp_path / "page.html")["models"][0]["name"] == name


def test_the_place_with_the_most_models_is_shown_with_its_lowest_seed(tmp_path: Path) -> None:
    other = Machine(slug="other-cpu", id="89abcdef")
    keep(tmp_path, make_run("softmax", machine=other, later=600), taken("softmax"))
    for seed in (2, 1):
        keep(tmp_path, make_run("softmax", seed), taken("softmax"))
    keep(tmp_path, make_run("mlp", 1), taken("mlp"))
    selection = choose(tmp_path)
    assert [(model.group.model, model.group.location, model.run.trial.seed) for model in selection.models] == [
        ("softmax", f"{MACHINE.name} (cpu)", 1),
        ("mlp", f"{MACHINE.name} (cpu)", 1),
    ]


def test_the_longer_training_is_shown_where_both_have_as_many_models(tmp_path: Path) -> None:
    keep(tmp_path, make_run("softmax", epochs=2, later=600), taken("softmax"))
    keep(tmp_path, make_run("softmax", epochs=10), taken("softmax"))
    assert choose(tmp_path).comparison.condition.epochs == 10


def test_where_not_all_fit_the_most_accurate_come_first(tmp_path: Path) -> None:
    for model, accuracy in (("cnn", 0.99), ("mlp_matched", 0.98), ("mlp", 0.975), ("softmax", 0.92)):
        keep(tmp_path, make_run(model, accuracy=accuracy), taken(model))
    selection = choose(tmp_path)
    assert names(selection) == ["softmax", "mlp", "cnn"]
    assert selection.left_out == {"mlp_matched": "its weights do not fit into the page beside the others"}


@pytest.mark.parametrize(
    ("value", "words"), [(0.00073, "0.0008"), (0.005, "0.005"), (0.0099, "0.01"), (3e-7, "3e-07"), (0.0, "0")]
)
def test_a_deviation_is_rounded_up(value: float, words: str) -> None:
    assert playground.rounded_up(value) == words
