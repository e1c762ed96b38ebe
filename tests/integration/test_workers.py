"""Worker processes and where they come from."""

import os
from pathlib import Path

import psutil
import pytest

from bench.records.schema import Epoch
from bench.runner.workers import executor as module
from bench.runner.workers.executor import LocalExecutor
from bench.runner.workers.messages import TrialFailed
from bench.training.result import Trained
from models import ModelSource
from tests.support.factories import make_trial

pytestmark = pytest.mark.alone


def test_a_worker_computes_in_a_process_forked_from_one_that_has_torch_but_no_threads(
    data_dir: Path,
) -> None:
    """Threads do not survive a fork, so the process that is forked must never have computed."""
    executor = LocalExecutor(data_dir)
    try:
        outcomes = [
            executor.run_trial(make_trial(model=model, epochs=1), lambda _: None) for model in ("softmax", "mlp")
        ]
        (server,) = {psutil.Process(worker.process.pid).parent() for worker in executor._workers.values()}
        assert server is not None
        assert server.pid != os.getpid()
        assert server.num_threads() == 1
    finally:
        executor.close()
    assert outcomes[1].clock.startup_s < 1


HANGS = """
import time
from torch import nn


class Hangs(nn.Module):
    def __init__(self, evaluations):
        super().__init__()
        self.layer, self.evaluations = nn.Linear(784, 10), evaluations

    def forward(self, images):
        if not self.training:
            self.evaluations -= len(images)
            if self.evaluations < 0:
                time.sleep(1000)
        return self.layer(images.flatten(1))


def in_evaluation():
    return Hangs(0)


def in_checks():
    return Hangs(10_000)
"""


@pytest.mark.parametrize(
    ("name", "limits", "reason"),
    [
        ("in_evaluation", {"stall_s": 8.0}, "no training step or evaluation batch was finished for 8 s"),
        ("in_checks", {"CHECKS_S": 8.0}, "not finished after 8 s"),
    ],
)
def test_a_worker_that_hangs_is_ended_and_a_finished_training_is_handed_over_before(
    name: str, limits: dict[str, float], reason: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hangs.py").write_text(HANGS)
    monkeypatch.setattr(module, "CHECKS_S", limits.get("CHECKS_S", module.CHECKS_S))
    source = ModelSource(name, tmp_path / "hangs.py", folder=tmp_path, attribute=name)
    executor = LocalExecutor(data_dir, sources={name: source}, stall_s=limits.get("stall_s", module.STALL_S))
    events: list[Epoch | Trained] = []
    try:
        with pytest.raises(TrialFailed, match=reason) as failure:
            executor.run_trial(make_trial(model=name, epochs=1), events.append)
    finally:
        executor.close()
    assert failure.value.status == "timeout"
    assert [type(event) for event in events] == ([Epoch, Trained] if name == "in_checks" else [])


REFUSES = """
import os
from pathlib import Path
from torch import nn
from bench.training import cuda_graphs


class Refuses(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, images):
        return self.layer(images.flatten(1))

    def train(self, mode=True):
        with Path(__file__).with_name("processes").open("a") as file:
            print(os.getpid(), cuda_graphs.refusal(), file=file)
        if not cuda_graphs.refusal():
            raise cuda_graphs.RecordingFailedError("RuntimeError: not while capturing")
        return super().train(mode)
"""


def test_what_cannot_be_recorded_goes_on_eagerly_in_a_fresh_process(data_dir: Path, tmp_path: Path) -> None:
    """The model stands for a GPU that refuses in the middle of a recording, after which torch can record no more."""
    (tmp_path / "refuses.py").write_text(REFUSES)
    source = ModelSource("refuses", tmp_path / "refuses.py", folder=tmp_path, attribute="Refuses")
    executor = LocalExecutor(data_dir, sources={"refuses": source})
    try:
        outcome = executor.run_trial(make_trial(model="refuses", epochs=1, train_size=512), lambda _: None)
    finally:
        executor.close()
    assert outcome.result.test_accuracy > 0.3
    lines = (tmp_path / "processes").read_text().splitlines()
    processes = {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}
    assert list(processes.values()) == ["", "RuntimeError: not while capturing"]
