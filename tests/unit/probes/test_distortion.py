from pathlib import Path

import numpy as np

from bench.data import datasets
from bench.data.corruptions.mnist_c import CORRUPTIONS
from bench.probes.distortion import measure
from bench.report.sections.distortion import CURVES
from tests.support.trained import make_trained


def test_distortion_of_nothing_is_the_clean_accuracy(
    mnist: tuple[datasets.Split, datasets.Split], tmp_path: Path
) -> None:
    trained = make_trained(mnist, tmp_path, "softmax")
    output = measure(trained)
    numbers = output.numbers
    assert {"clean", *CORRUPTIONS} < numbers.keys()
    assert {numbers[name] for name in ("translation_0", "rotation_0", "scale_1.0", "noise_0.0")} == {numbers["clean"]}
    assert {name.rpartition("_")[0] for name in numbers.keys() - CORRUPTIONS.keys() - {"clean"}} == CURVES.keys()
    assert measure(trained).numbers == numbers, "the distortions are drawn from a fixed seed"
    shifted = output.arrays["shifted"]
    assert np.array_equal(shifted[0], trained.test.images[0])
    assert np.array_equal(shifted[5][:, 5:], trained.test.images[0][:, :-5]), "to the right"
    assert output.arrays["answers"].shape == output.arrays["confidences"].shape == (9,)
