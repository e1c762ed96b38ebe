"""What is shown of trials under way."""

import pytest

from bench.records.schema import Run
from bench.runner.progress import Progress
from bench.runner.progress.eta import Eta
from bench.runner.progress.outputs import Lines
from tests.support.factories import PROBABILITIES, flagged, make_run, make_trial


class WithBar(Lines):
    has_bar = True


@pytest.mark.parametrize("output", [Lines, WithBar])
@pytest.mark.parametrize(
    ("run", "last"),
    [
        (flagged(make_run("cnn", accuracy=0.989)), f"cnn seed 0: 98.90 %; flagged: {PROBABILITIES}"),
        (
            flagged(flagged(make_run("cnn", 3, 0.989), "a\n\x1b[31mb"), "c"),
            "cnn seed 3: 98.90 %; flagged: a \\x1b[31mb; c",
        ),
    ],
)
def test_a_flagged_trial_ends_with_one_line_that_says_so(
    output: type[Lines], run: Run, last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress(output())
    progress.start([run.trial], skipped=0)
    progress.trial_started(run.trial)
    for epoch in run.epochs:
        progress.epoch_done(run.trial, epoch)
    progress.trial_done(run)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == last
    assert sum("flagged" in line for line in lines) == 1


def test_a_trial_without_flags_ends_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run("cnn", accuracy=0.989)
    for output in (Lines(), WithBar()):
        progress = Progress(output)
        progress.start([run.trial], skipped=0)
        capsys.readouterr()
        progress.trial_done(run)
    assert capsys.readouterr().err == "cnn seed 0 epoch 2/2 98.90 % 10.00 s\n", "of the bar alone"


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
