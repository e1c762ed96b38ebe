"""Probe of sample efficiency: test accuracy after training on fewer images for as many steps."""

import numpy as np

from bench.probes.retrain import retrain_model, training_steps
from bench.probes.trained_model import Examples, TrainedModel
from bench.records.probes import ProbeOutput

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 60_000)


def measure(trained: TrainedModel) -> ProbeOutput:
    """Measure test accuracy ``n_K`` after training on K images, for each size there are images for.

    The smaller sets are part of the larger ones and hold every class in its share; which images they hold depends on
    the seed. Steps are those of the recipe on all images; the batch is never larger than the set.
    """
    order = nested_order(trained.train.labels, np.random.default_rng(trained.trial.seed))
    return ProbeOutput({f"n_{size}": _accuracy(trained, order[:size]) for size in SIZES if size <= len(order)})


def nested_order(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Order the examples so that every prefix holds each class in its share, to within one image."""
    quantile = np.empty(len(labels))
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        quantile[members] = (np.arange(len(members)) + random.random()) / len(members)
    return np.argsort(quantile, kind="stable")


def _accuracy(trained: TrainedModel, chosen: np.ndarray) -> float:
    if trained.trained_on_all and len(chosen) == len(trained.train):
        return trained.accuracy(trained.test.images)
    examples = Examples(trained.train.images[chosen], trained.train.labels[chosen])
    model = retrain_model(trained, examples, training_steps(trained))
    return float(trained.right(trained.test.images, model).mean())
