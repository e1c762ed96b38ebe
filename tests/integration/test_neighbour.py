"""Real runs beside a real neighbour that streams memory, switched on and off at random.

Both are on one processor, so that the neighbour takes half of it, its cache and its memory bandwidth: times double, and
the MLP, which needs more memory, suffers more than softmax regression.
"""

import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.analysis.groups import group_by_condition
from bench.analysis.speed import collect_speeds
from bench.records.storage import load_runs
from bench.records.timing import load_timings
from tests.conftest import Command

pytestmark = [pytest.mark.slow, pytest.mark.alone]

PROCESSOR = min(os.sched_getaffinity(0))
STREAM = "import numpy; a = numpy.zeros(2**24); b = numpy.ones(2**24)\nwhile True: numpy.copyto(a, b)"
RUN = ("run", "--suite", "quick", "--models", "softmax,mlp", "--probes", "none", "--force")


@contextlib.contextmanager
def neighbour(seed: int) -> Iterator[None]:
    """Run a process that copies 128 MiB to and fro, and stop and continue it after one to four seconds each."""
    process = subprocess.Popen([sys.executable, "-c", STREAM], preexec_fn=lambda: os.sched_setaffinity(0, {PROCESSOR}))
    chance, ended = random.Random(seed), threading.Event()

    def switch() -> None:
        runs = True
        while not ended.wait(chance.uniform(1, 4)):
            runs = not runs
            os.kill(process.pid, signal.SIGCONT if runs else signal.SIGSTOP)

    thread = threading.Thread(target=switch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        process.kill()
        process.wait()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("runs", "within"), [(3, 0.25), pytest.param(10, 0.1, marks=pytest.mark.soak)])
def test_the_ratio_of_two_models_hardly_moves(command: Command, tmp_path: Path, runs: int, within: float) -> None:
    """Within a tenth of its middle, as long as this neighbour is the only one; a machine of CI's may have others."""
    ratios, alone = [], []
    for number in range(runs):
        results = tmp_path / str(number)
        with neighbour(number):
            done = command(*RUN, "--results", results, preexec_fn=lambda: os.sched_setaffinity(0, {PROCESSOR}))
        assert done.returncode == 0, done.stderr
        (comparison,) = group_by_condition(load_runs(results)[0], collect_speeds(load_timings(results)[0]))
        timed = {group.model: group.timed for group in comparison.groups}
        assert timed["mlp"]
        assert timed["softmax"]
        assert any(group.unsteady for group in comparison.groups), "the neighbour was there"
        ratios.append(timed["mlp"].ratio_to(timed["softmax"]).median)
        epochs = {group.model: group.epoch_spread.median for group in comparison.groups}
        alone.append(epochs["mlp"] / epochs["softmax"])
    middle = statistics.median(ratios)
    print("ratios", sorted(ratios), "of epochs", sorted(alone))
    assert all(abs(ratio / middle - 1) <= within for ratio in ratios), (ratios, alone)
