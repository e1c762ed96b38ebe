"""Networks as files hold them."""

import numpy as np
import pytest

from bench.records import network_export
from bench.records.network_export import Layer


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
