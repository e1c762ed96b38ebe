"""Probes that train: the same model again, on scrambled or on fewer images."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.probes import blocks, permutation, sample_efficiency
from bench.probes.retrain import retrain_model, training_steps
from bench.probes.sample_efficiency import nested_order
from bench.probes.shuffling import block_order, shuffle_pixels
from bench.training.model.initial import ModelBuilder
from bench.training.pipeline import to_device
from bench.training.timing import Clocks
from bench.training.train import train
from tests.support.trained import Mnist, make_trained


def test_trained_again_on_the_same_examples_is_the_same_model(mnist: Mnist, tmp_path: Path) -> None:
    trained = make_trained(mnist, tmp_path, "mlp", epochs=2)
    data = [
        to_device(torch.from_numpy(part.images), torch.from_numpy(part.labels), trained.device)
        for part in (trained.train, trained.test)
    ]
    build = ModelBuilder("mlp", 10, trained.trial.seed, trained.device)
    train(trained.model, trained.recipe, *data, trained.trial.seed, Clocks(trained.device), build)
    again = retrain_model(trained, trained.train, training_steps(trained))
    assert training_steps(trained) == 2 * 4, "400 images in batches of 128, the last of 16, twice"
    for before, after in zip(trained.model.parameters(), again.parameters(), strict=True):
        assert torch.equal(before, after)


def test_fewer_examples_than_a_batch_are_trained_on_for_as_many_steps(mnist: Mnist, tmp_path: Path) -> None:
    trained = make_trained(mnist, tmp_path, "mlp")
    model = retrain_model(trained, trained.train.first(10), steps=200)
    labels = torch.from_numpy(trained.train.labels[:10])
    data = to_device(torch.from_numpy(trained.train.images[:10]), labels, trained.device)
    assert (model((data.images / 255 - 0.5) / 0.5).argmax(1) == labels).all(), "learnt by heart"


@pytest.mark.parametrize("block", [14, 7, 4, 2, 1])
def test_blocks_change_places_and_keep_their_contents(block: int) -> None:
    images = np.arange(2 * 784, dtype=np.int64).reshape(2, 28, 28)
    moved = shuffle_pixels(images, block)
    assert not np.array_equal(moved, images)
    assert np.array_equal(np.sort(moved, axis=None), np.sort(images, axis=None))
    order, cells = block_order(block), 28 // block
    for location in (0, cells, cells * cells - 1):
        (row, column), (old_row, old_column) = divmod(location, cells), divmod(order[location], cells)
        moved_block = moved[:, row * block : (row + 1) * block, column * block : (column + 1) * block]
        there = images[:, old_row * block : (old_row + 1) * block, old_column * block : (old_column + 1) * block]
        assert np.array_equal(moved_block, there)


def test_permutation_compares_the_stored_model_with_one_trained_anew(mnist: Mnist, tmp_path: Path) -> None:
    trained = make_trained(mnist, tmp_path, "softmax", train=2000, epochs=4)
    result = permutation.measure(trained).numbers
    assert result["ordered"] < 0.3, "the stored weights, here untrained"
    assert result["permuted"] > 0.7
    assert result["permuted"] - result["ordered"] == pytest.approx(result["permuted_alone"] - result["ordered_alone"])


def test_blocks_of_every_size_and_none(mnist: Mnist, tmp_path: Path) -> None:
    numbers = blocks.measure(make_trained(mnist, tmp_path, "softmax", train=2000, epochs=4)).numbers
    assert numbers.keys() == {"ordered", "block_14", "block_7", "block_4", "block_2"}
    assert min(numbers[name] for name in numbers if name != "ordered") > 0.7


def test_smaller_sets_hold_every_class_in_its_share(mnist: Mnist) -> None:
    labels = mnist[0].labels.numpy()
    order = nested_order(labels, np.random.default_rng(0))
    assert np.array_equal(np.sort(order), np.arange(60_000))
    shares = np.bincount(labels) / len(labels)
    for size in sample_efficiency.SIZES:
        counts = np.bincount(labels[order[:size]], minlength=10)
        assert np.abs(counts - size * shares).max() <= 1.5, size
    assert not np.array_equal(order, nested_order(labels, np.random.default_rng(1)))


def test_sample_efficiency_measures_each_size_there_are_images_for(mnist: Mnist, tmp_path: Path) -> None:
    numbers = sample_efficiency.measure(make_trained(mnist, tmp_path, "softmax", train=3000, epochs=4)).numbers
    assert numbers.keys() == {"n_100", "n_300", "n_1000", "n_3000"}
    assert numbers["n_3000"] < 0.3, "all of what it was trained on: the stored weights, here untrained"
    assert 0.5 < numbers["n_100"] < numbers["n_1000"]
