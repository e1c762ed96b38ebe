"""Registry of the frameworks that are timed in turn, the article's own loop and ours among them.

One file each, imported in its own process. Such a file has ``timer(task) -> Timer``: it builds the model of that name,
the data in memory and Adam 1e-3 with batches of 128, and gives a function that trains for an epoch and returns its
seconds. None of them imports torch but ours, the article's and Lightning's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.registry import MNIST
from bench.recipes.recipe import ARTICLE as RECIPE
from bench.records.throughput import ARTICLE, OURS

if TYPE_CHECKING:
    from models import ModelSource


@dataclass(frozen=True)
class Peer:
    """A framework: its file here, and the names of the ``packages`` it needs installed."""

    module: str
    packages: tuple[str, ...]


PEERS = {
    OURS: Peer("with_mnist_bench", ("torch",)),
    ARTICLE: Peer("with_article", ("torch", "torchvision")),
    "jax": Peer("with_jax", ("jax", "optax")),
    "keras-tensorflow": Peer("with_keras", ("keras", "tensorflow-cpu")),
    "scikit-learn": Peer("with_sklearn", ("scikit-learn",)),
    "lightning": Peer("with_lightning", ("lightning",)),
}

BATCH_SIZE = RECIPE.batch_size
LEARNING_RATE = RECIPE.learning_rate
CLASSES = MNIST.num_classes
LAYERS = {"softmax": (CLASSES,), "mlp": (256, 128, CLASSES)}
"""Layer widths of the models that consist of linear layers with ReLU between them."""
MODELS = ("softmax", "mlp", "cnn")
"""The article's models; each peer's file builds them, or says why not."""


class UnsupportedModelError(Exception):
    """The framework cannot do this model; the text says why."""


@dataclass(frozen=True)
class Task:
    """A model by name, and the conditions it is trained under; can be sent to another process.

    ``data_dir`` holds MNIST as torchvision lays it out. Other devices and precisions are for those who import torch.
    ``source`` is where the model comes from; without it, it is looked for in ``models`` by its name.
    """

    model: str
    threads: int
    data_dir: Path
    device: str = "cpu"
    precision: str = "fp32"
    source: "ModelSource | None" = None
