"""Other frameworks train the same models on the same data."""

import itertools
from pathlib import Path

import pytest
import torch

from bench.records.throughput import ARTICLE, OURS
from bench.throughput.frameworks import with_article
from bench.throughput.frameworks.data import normalised, training_set
from bench.throughput.frameworks.registry import LAYERS, PEERS, Task
from bench.training.precision import set_matrix_precision
from models import create_model
from tests.conftest import ROOT


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
