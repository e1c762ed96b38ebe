"""Keras on TensorFlow: ``fit`` on arrays in memory, compiled as Keras chooses to."""

import os
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from bench.throughput.frameworks.data import normalised, training_set
from bench.throughput.frameworks.registry import BATCH_SIZE, CLASSES, LAYERS, LEARNING_RATE, Task
from bench.throughput.subprocess_timer import Timer

CONV_STEPS = 60
"""How many steps of an epoch with convolutions are timed."""


def timer(task: Task) -> Timer:
    """Build the timer of an epoch."""
    tf.config.set_visible_devices([], "GPU")  # left alone it takes one
    tf.config.threading.set_intra_op_parallelism_threads(task.threads)
    images, labels = training_set()
    pixels = normalised(images)[..., None]
    model = keras.Sequential([keras.Input((28, 28, 1)), *_layers(task.model)])
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    count = len(pixels) if task.model in LAYERS else CONV_STEPS * BATCH_SIZE

    def seconds() -> float:
        start = time.perf_counter()
        model.fit(pixels[:count], labels[:count], batch_size=BATCH_SIZE, epochs=1, shuffle=True, verbose=0)
        return (time.perf_counter() - start) * len(pixels) / count

    return seconds


def _layers(model: str) -> list[keras.Layer]:
    layers = keras.layers
    if model in LAYERS:
        *hidden, last = LAYERS[model]
        return [layers.Flatten(), *(layers.Dense(width, activation="relu") for width in hidden), layers.Dense(last)]
    return [
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(CLASSES),
    ]
