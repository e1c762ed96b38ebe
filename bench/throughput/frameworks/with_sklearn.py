"""scikit-learn's MLPClassifier, an epoch at a time."""

import time

from sklearn.neural_network import MLPClassifier

from bench.throughput.frameworks.data import normalised, training_set
from bench.throughput.frameworks.registry import BATCH_SIZE, CLASSES, LAYERS, LEARNING_RATE, Task, UnsupportedModelError
from bench.throughput.subprocess_timer import Timer


def timer(task: Task) -> Timer:
    """Build the timer of an epoch.

    Raises:
        UnsupportedModelError: the model has convolutions.
    """
    if task.model not in LAYERS:
        raise UnsupportedModelError("scikit-learn has no convolutions")
    images, labels = training_set()
    pixels = normalised(images).reshape(len(images), -1)
    model = MLPClassifier(
        LAYERS[task.model][:-1], solver="adam", alpha=0, batch_size=BATCH_SIZE, learning_rate_init=LEARNING_RATE
    )

    def seconds() -> float:
        start = time.perf_counter()
        model.partial_fit(pixels, labels, classes=range(CLASSES))
        return time.perf_counter() - start

    return seconds
