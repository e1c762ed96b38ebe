import numpy as np

from bench.data.numpy_loader import packed_array
from tests.support.trained import Mnist


def test_the_packed_array_are_those_of_the_test_set(mnist: Mnist) -> None:
    array = packed_array("mnist")
    assert array is not None
    assert np.array_equal(array, mnist[1].images.numpy())
    assert packed_array("no-such") is None
