"""What is shown of trials under way."""

import pytest

from bench.records.schema import Run
from bench.runner.progress import Progress
from bench.runner.progress.eta import Eta, Expected
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
    eta = Eta()
    eta.expect_trials([make_trial(model="mlp", epochs=3), make_trial(model="cnn", epochs=3)])
    eta.done(("epoch", "mlp"), 1.1)
    assert str(eta) == "ETA > 5 s", "the cnn has not been seen; each trial takes 1.5 s beside its epochs"
    eta.done(("epoch", "cnn"), 11.0)
    assert eta.seconds == pytest.approx(2 * 1.1 + 2 * 11 + 2 * 1.5)
    assert str(eta) == "ETA 27 s"
    eta.done(("epoch", "cnn"), count=2)
    eta.done(("trial", "cnn"))
    assert eta.seconds == pytest.approx(2 * 1.1 + 1.5)


def test_eta_counts_trials_side_by_side_and_epochs_that_are_run_again() -> None:
    eta = Eta(at_once=2)
    eta.expect_trials([make_trial(model="mlp", seed=seed, epochs=4) for seed in range(2)])
    eta.done(("epoch", "mlp"), 11.0)
    eta.done(("epoch", "mlp"), 11.0)
    assert eta.seconds == pytest.approx((6 * 11 + 2 * 1.5) / 2)
    eta.done(("epoch", "mlp"), count=-1)
    assert eta.seconds == pytest.approx((7 * 11 + 2 * 1.5) / 2)


def test_eta_knows_models_from_timing_rounds_before_their_first_epoch() -> None:
    eta = Eta()
    eta.expect_trials([make_trial(model="cnn", epochs=10, train_size=60_000)])
    eta.timed("cnn", 200e-6)
    assert eta.seconds == pytest.approx(10 * 200e-6 * (60_000 + 0.3 * 10_000) + 1.5)
    eta.done(("epoch", "cnn"), 15.0)
    assert eta.seconds == pytest.approx(9 * 15 + 1.5), "an epoch that was seen says more"


def test_eta_counts_probes_rounds_and_reports_as_estimated_then_as_seen() -> None:
    eta = Eta()
    eta.expect_trials([make_trial(model="cnn", epochs=1, train_size=10_000)])
    eta.expect([Expected(("permutation", "cnn"), images=10_000, seconds=2.0)] * 3)
    eta.expect([Expected(("timing rounds", ""), seconds=0.5, count=10), Expected(("report", ""), seconds=4.0)])
    assert str(eta) == "ETA > 10 s"
    eta.done(("epoch", "cnn"), 13.0)
    assert eta.seconds == pytest.approx(1.5 + 3 * (2 + 10) + 10 * 0.5 + 4)
    eta.done(("permutation", "cnn"), 20.0)
    eta.done(("timing rounds", ""), 0.7, count=4)
    assert eta.seconds == pytest.approx(1.5 + 2 * 20 + 6 * 0.7 + 4)


def test_a_line_about_other_work_ends_with_the_time_that_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(Lines())
    progress.expect([Expected(("distortion", "cnn"), seconds=30.0)] * 2)
    progress.work_done(("distortion", "cnn"), 40.0, "[1/2] distortion of cnn seed 0 40.0 s")
    assert capsys.readouterr().err == "[1/2] distortion of cnn seed 0 40.0 s ETA 40 s\n"
