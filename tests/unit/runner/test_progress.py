"""What is shown of trials under way."""

import pytest

from bench.runner.progress.eta import Eta
from tests.support.factories import make_run, make_trial


def test_eta_counts_what_is_left_and_forgets_failed_trials() -> None:
    trials = [make_trial(model="mlp", epochs=3), make_trial(model="cnn", epochs=3)]
    eta, mlp, cnn = Eta(trials), make_run("mlp", epoch_s=1.0), make_run("cnn", epoch_s=10.0)
    eta.epoch_done(trials[0], mlp.epochs[0])
    assert str(eta) == "ETA > 2 s", "the cnn has not been seen"
    eta.epoch_done(trials[1], cnn.epochs[0])
    assert eta.seconds == pytest.approx(2 * 1.1 + 2 * 11)
    assert str(eta) == "ETA 24 s"
    eta.trial_ended(trials[1], epochs_done=1)
    assert eta.seconds == pytest.approx(2 * 1.1)


def test_eta_counts_trials_side_by_side_and_epochs_that_are_run_again() -> None:
    trials = [make_trial(model="mlp", seed=seed, epochs=4) for seed in range(2)]
    eta, epochs = Eta(trials, at_once=2), make_run("mlp", epoch_s=10.0).epochs
    eta.epoch_done(trials[0], epochs[0])
    eta.epoch_done(trials[1], epochs[0])
    assert eta.seconds == pytest.approx(6 * 11 / 2)
    eta.trial_restarted(trials[1], epochs_lost=1)
    assert eta.seconds == pytest.approx(7 * 11 / 2)
