"""The recipe in a trial: how long it is, and what identifies it."""

import pytest

from bench.records.schema import trial_id
from tests.support.factories import DATA, make_trial


@pytest.mark.parametrize(
    ("epochs", "batch_size", "train_size", "steps", "evaluations"),
    [
        (10, 128, 60_000, 4690, 10),
        (1.5, 128, 60_000, 704, 2),
        (1.02, 1024, 20_000, 20, 1),
        (2.5, 60_000, 60_000, 2, 2),
        (0.5, 60_000, 60_000, 1, 1),
        (0.001, 128, 60_000, 1, 1),
        (2.001, 128, 60_000, 938, 2),
    ],
)
def test_steps_and_evaluations_are_counted_alike(
    epochs: float, batch_size: int, train_size: int, steps: int, evaluations: int
) -> None:
    trial = make_trial(epochs=epochs, batch_size=batch_size, train_size=train_size)
    assert (trial.total_steps(train_size), trial.epoch_count) == (steps, evaluations)


def test_every_setting_identifies_a_trial_unless_it_is_the_articles() -> None:
    plain = trial_id(make_trial(), DATA)
    assert trial_id(make_trial(warm_up=0.0, label_smoothing=0.0, schedule="constant", augmentation={}), DATA) == plain
    changes = [
        {"warm_up": 0.1},
        {"label_smoothing": 0.1},
        {"label_smoothing": 0.1000001},
        {"schedule": "linear"},
        {"augmentation": {"shift": 1}},
        {"weight_averaging": 0.9},
        {"optimizer_arguments": {"weight_decay": 0.1}},
        {"others": {"optimizer": "sgd", "learning_rate": 0.1}},
        {"pixel_mean": 0.1},
        {"pixel_std": 0.3},
        {"arm": "best"},
        {"held_out": 5000},
        {"epochs": 2.5},
    ]
    assert len({plain, *(trial_id(make_trial(**change), DATA) for change in changes)}) == len(changes) + 1
    details = {make_trial(**change).details for change in changes[:10]}
    assert len(details) == 10
