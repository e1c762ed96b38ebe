"""Worker processes and where they come from."""

import os
from pathlib import Path

import psutil
import pytest

from bench.runner.workers.executor import LocalExecutor
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
