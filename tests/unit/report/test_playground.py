"""The networks taken out of models, and the page they are embedded in. What a browser makes of it: tests/browser."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bench.analysis.groups import group_by_condition
from bench.probes import network
from bench.records import network_export
from bench.records.network_export import Layer
from bench.records.probes import ProbeOutput, load_probes, save_probe
from bench.records.schema import Machine, Run
from bench.records.storage import load_runs, save_run
from bench.report import render
from bench.report.pages import playground
from models import create_model, list_models
from tests.support.factories import MACHINE, make_predictions, make_probe, make_run
from tests.support.trained import Mnist, make_trained

TEN = torch.randn(10, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("model", list_models())
def test_what_is_taken_out_answers_like_the_model(mnist: Mnist, tmp_path: Path, model: str) -> None:
    found = network.measure(make_trained(mnist, tmp_path, model, test=30))
    assert found.numbers["deviation"] < 1e-3
    assert (found.numbers["pixel_mean"], found.numbers["pixel_std"]) == (0.5, 0.5)
    assert {array.dtype for array in found.arrays.values()} == {np.dtype(np.float16)}
    assert found.numbers["weights"] == sum(weights.numel() for weights in create_model(model).parameters())
    assert network_export.shape_after(network_export.from_text(found.notes["layers"]), found.arrays) == (10,)


class Functional(nn.Module):
    """Written as a function, with what does nothing outside training, and a convolution that takes strides."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, (5, 3), stride=(2, 1), padding=(1, 2), bias=False)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(4 * 7 * 15, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pooled = F.max_pool2d(F.relu(self.conv(images)), 3, stride=2, padding=1)
        return self.out(torch.flatten(F.dropout(self.drop(pooled).tanh(), 0.5, self.training), 1))


def test_functions_and_strides_are_understood_and_dropout_is_left_away() -> None:
    model = Functional()
    layers, arrays = network.extract_layers(model)
    kinds = ["conv2d", "relu", "max_pool2d", "tanh", "flatten", "linear"]
    assert [layer.kind for layer in layers] == kinds
    assert model.training, "as it was before"
    assert torch.allclose(network.logits(layers, arrays, TEN), model.eval()(TEN), atol=5e-3)
    assert network_export.shape_after(layers, arrays) == (10,)
    assert network_export.from_text(network_export.to_text(layers)) == tuple(layers)


class Residual(nn.Sequential):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        flat = self[0](images)
        return self[2](flat + self[1](flat))


class Deciding(nn.Sequential):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self[0](images) if images.sum() > 0 else self[1](images)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (nn.Sequential(nn.Flatten(), nn.LayerNorm(784), nn.Linear(784, 10)), "it has a layer LayerNorm"),
        (nn.Sequential(nn.Conv2d(1, 2, 3, dilation=2), nn.Flatten(), nn.Linear(1152, 10)), "it has a layer Conv2d"),
        (Residual(nn.Flatten(), nn.Linear(784, 784), nn.Linear(784, 10)), "its layers are no chain"),
        (Deciding(nn.Flatten(), nn.Flatten()), "it cannot be traced: TraceError"),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 900), nn.Linear(900, 10)), "715,510 weights, a page holds"),
    ],
)
def test_what_a_page_cannot_compute_is_left_out_with_the_reason(
    mnist: Mnist, tmp_path: Path, model: nn.Module, reason: str
) -> None:
    trained = make_trained(mnist, tmp_path, "softmax", test=5)
    object.__setattr__(trained, "model", model)
    found = network.measure(trained)
    assert found.notes["left_out"].startswith(reason)
    assert found.arrays == {}
    assert "layers" not in found.notes


def test_a_call_that_is_not_known_is_named() -> None:
    class Sinus(nn.Sequential):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self[0](torch.sin(images))

    with pytest.raises(network.UnsupportedLayerError, match="it calls sin"):
        network.extract_layers(Sinus(nn.Flatten()))


def test_weights_too_large_for_half_precision_are_left_out(mnist: Mnist, tmp_path: Path) -> None:
    trained = make_trained(mnist, tmp_path, "softmax", test=5)
    with torch.no_grad():
        trained.model[1].weight[0, 400] = 1e6  # type: ignore[index]
    found = network.measure(trained)
    assert found.notes["left_out"].startswith("in half precision a probability is off by")
    assert found.arrays == {}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Layer(kind="linear")], "does not fit"),
        ([Layer(kind="flatten"), Layer(kind="conv2d")], "lacks finite weights"),
        ([Layer(kind="max_pool2d", size=(40, 40))], "does not fit"),
        ([Layer(kind="max_pool2d", stride=(0, 1))], "does not fit"),
        ([Layer(kind="flatten"), Layer(kind="max_pool2d")], "does not fit"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: list[Layer], message: str) -> None:
    arrays = {"weight_0": np.zeros((10, 784), np.float16), "bias_0": np.zeros(10, np.float16)}
    with pytest.raises(ValueError, match=message):
        network_export.shape_after(layers, arrays)


@pytest.mark.parametrize("text", ["", "[{}]", '[{"kind": "eval"}]', '[{"kind": "relu", "size": [-1, 1]}]', "{}"])
def test_what_is_no_list_of_layers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no list of layers"):
        network_export.from_text(text)


def keep(results: Path, run: Run, found: ProbeOutput) -> None:
    """Save a run and what the probe found for it."""
    save_run(results, run, make_predictions(), b"")
    record = make_probe(run, "network", **found.numbers)
    name = f"{record.stem}.npz" if found.arrays else None
    save_probe(results, record.model_copy(update={"notes": found.notes, "arrays": name}), found.arrays)


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
    keep(tmp_path, make_run("softmax"), found := taken("softmax"))
    render(tmp_path)
    data = embedded(tmp_path / playground.FILE)
    stored = np.frombuffer(decoded(data["models"][0]["weights"]), "<f2")
    assert np.array_equal(stored, np.concatenate([found.arrays["weight_1"].ravel(), found.arrays["bias_1"]]))
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
        (lambda found: found.notes.update(layers="[]"), "it does not give 10 numbers"),
        (lambda found: found.notes.update(layers="x"), "no list of layers"),
        (lambda found: found.numbers.pop("pixel_std"), "its record holds no pixel_std"),
        (lambda found: found.arrays.pop("bias_1"), "linear lacks finite weights"),
        (lambda found: found.arrays["weight_1"].fill(np.nan), "linear lacks finite weights"),
        (lambda found: found.arrays.update(bias_1=np.zeros(9, np.float16)), "linear does not fit"),
    ],
)
def test_a_damaged_record_is_never_shown(tmp_path: Path, harm: Callable[[ProbeOutput], object], reason: str) -> None:
    keep(tmp_path, make_run("mlp"), taken("mlp"))
    harm(found := taken("softmax"))
    keep(tmp_path, make_run("softmax"), found)
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
    assert [(each.group.model, each.group.location, each.run.trial.seed) for each in selection.models] == [
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
