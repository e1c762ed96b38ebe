"""The lines about trials and epochs."""

from collections.abc import Sequence

from bench.common.errors import one_line
from bench.records.schema import Epoch, Run, Trial


def plan_line(todo: Sequence[Trial], skipped: int) -> str:
    """A line such as ``9 trials to train on cpu with 2 threads; 3 already done (--force runs them again)``."""
    already = f"; {skipped} already done (--force runs them again)" if skipped else ""
    if not todo:
        return f"nothing to train{already}"
    trials = f"{len(todo)} trial{'s' if len(todo) > 1 else ''}"
    return f"{trials} to train on {todo[0].device} with {todo[0].threads} threads{already}"


def epoch_line(trial: Trial, epoch: Epoch) -> str:
    """A line such as ``cnn seed 0 epoch 3/10 98.71 % 8.44 s``."""
    accuracy = f"{100 * epoch.test_accuracy:.2f} %"
    return f"{trial.model} seed {trial.seed} epoch {epoch.epoch}/{trial.epoch_count} {accuracy} {epoch.train_s:.2f} s"


def flagged_line(run: Run) -> str:
    """A line such as ``cnn seed 0: 98.90 %; flagged: outputs sum to 1, they are no logits``."""
    accuracy = f"{100 * run.epochs[-1].test_accuracy:.2f} %"
    notes = "; ".join(flag.note for flag in run.flags)
    return one_line(f"{run.trial.model} seed {run.trial.seed}: {accuracy}; flagged: {notes}")


def skipped_line(trial: Trial) -> str:
    """A line such as ``cnn seed 0: done by another call``."""
    return f"{trial.model} seed {trial.seed}: done by another call"


def failure_line(run: Run) -> str:
    """A line such as ``cnn seed 0: error: worker killed by SIGKILL``."""
    return f"{run.trial.model} seed {run.trial.seed}: {run.status}: {run.error}"
