"""Training steps timed apart from a trial."""

from pathlib import Path

import pytest
import torch

from bench.training import step_timer
from bench.training.step_timer import StepTimer
from tests.support.factories import make_trial


@pytest.mark.parametrize("train_size", [2000, 50])
def test_a_round_lasts_as_long_as_it_was_asked_to_in_batches_of_full_size(data_dir: Path, train_size: int) -> None:
    timer = StepTimer(make_trial(model="softmax", train_size=train_size, threads=torch.get_num_threads()), data_dir)
    batch = min(128, train_size)
    for seconds in (0.0, 0.05):
        timed = timer.time(seconds)
        assert timed.seconds >= seconds
        assert timed.images > 0
        assert timed.images % batch == 0
    assert timed.images > batch


def test_steps_go_on_where_the_last_ones_ended_and_see_every_image(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_timer, "CHUNK_S", 0.0)  # one step between two looks at the clock
    timer = StepTimer(make_trial(model="softmax", train_size=512, threads=torch.get_num_threads()), data_dir)
    seen: list[list[int]] = []
    run_epoch = timer._run_epoch

    def noted(order: torch.Tensor, steps: int | None = None) -> torch.Tensor:
        assert steps == 1
        seen.append(order[:128].tolist())
        return run_epoch(order, steps)

    timer._run_epoch = noted
    for _ in range(4):
        timer.time(0.0)
    assert sorted(index for part in seen for index in part) == list(range(512))
