"""How good is the model when trained on fewer images, for as many steps?"""

import numpy as np

from bench.probes.retrain import steps_of, trained_again
from bench.probes.trained_model import Examples, Trained
from bench.records.probes import Findings

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 60_000)


def measure(trained: Trained) -> Findings:
    """Test accuracy ``n_K`` after training on K images, for each size there are images for.

    The smaller sets are part of the larger ones and hold every class in its share; which images they hold depends on
    the seed. Steps are those of the recipe on all images; the batch is never larger than the set.
    """
    order = nested_order(trained.train.labels, np.random.default_rng(trained.trial.seed))
    return Findings({f"n_{size}": _accuracy(trained, order[:size]) for size in SIZES if size <= len(order)})


def nested_order(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """An order of the examples in which every beginning holds each class in its share, to within one image."""
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        place[members] = (np.arange(len(members)) + random.random()) / len(members)
    return np.argsort(place, kind="stable")


def _accuracy(trained: Trained, chosen: np.ndarray) -> float:
    if trained.saw_all and len(chosen) == len(trained.train):
        return trained.accuracy(trained.test.images)
    examples = Examples(trained.train.images[chosen], trained.train.labels[chosen])
    model = trained_again(trained, examples, steps_of(trained))
    return float(trained.right(trained.test.images, model).mean())
