"""The suite in a real Jupyter kernel."""

import queue
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from bench.records.storage import load_runs
from tests.conftest import ROOT
from tests.support.small_runs import IN_PYTHON


class Kernel:
    """A Jupyter kernel, as a notebook talks to it."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client
        self.outputs: list[dict[str, Any]] = []

    def execute(self, code: str, interrupt_at: str | None = None) -> str:
        """Run a cell to its end, or interrupt it at the first output with these words; gives the status."""
        self.outputs = []
        request = self.client.execute(code)
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=100)
            except queue.Empty:
                raise AssertionError(f"the cell says nothing any more after {self.text}") from None
            if message["parent_header"].get("msg_id") != request or message["msg_type"] == "execute_input":
                continue
            content = message["content"]
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                break
            self.outputs.append({"type": message["msg_type"], **content})
            if interrupt_at and interrupt_at in str(content):
                self.manager.interrupt_kernel()
                interrupt_at = None
        return str(self.client.get_shell_msg(timeout=10)["content"]["status"])

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [output for output in self.outputs if output["type"] == kind]

    @property
    def text(self) -> str:
        """All that was printed."""
        return "".join(output["text"] for output in self.of("stream"))


@pytest.fixture
def kernel(tmp_path: Path, environment: dict[str, str]) -> Iterator[Kernel]:
    locations = {
        name: str(tmp_path / ".jupyter") for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")
    }
    manager, client = start_new_kernel(
        kernel_name="python3", env=environment | locations | {"PYTHONPATH": str(ROOT)}, cwd=str(tmp_path)
    )
    yield Kernel(manager, client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.slow
def test_a_kernel_shows_progress_in_one_output_and_errors_in_one_line(kernel: Kernel) -> None:
    assert (
        kernel.execute(f"import bench\nbench.run(models=['softmax', 'mlp'], {IN_PYTHON}, seeds=2)['seed'].tolist()")
        == "ok"
    )
    (shown,) = kernel.of("display_data")
    updates = kernel.of("update_display_data")
    assert {update["transient"]["display_id"] for update in updates} == {shown["transient"]["display_id"]}
    lines = updates[-1]["data"]["text/plain"].splitlines()
    assert lines[0].startswith("4 trials to train on ")
    assert [line[:13] for line in lines[1:]] == [
        "softmax seed ",
        "mlp seed 0 ep",
        "softmax seed ",
        "mlp seed 1 ep",
    ]
    assert any(re.search(r"^━+─+ 3/4 softmax seed 1 epoch 1/1 .* ETA", text, re.MULTILINE) for text in
               (update["data"]["text/plain"] for update in updates))  # fmt: skip
    assert kernel.text == ""
    assert kernel.of("execute_result")[0]["data"]["text/plain"] == "[0, 0, 1, 1]"

    assert kernel.execute("bench.run(models='cnm')") == "error"
    (error,) = kernel.of("error")
    assert error["ename"] == "UserError"
    assert error["traceback"] == [f"error: {error['evalue']}"]

    assert kernel.execute("bench.show()") == "ok"
    (result,) = kernel.of("execute_result")
    assert result["data"]["text/html"].startswith("<iframe ")
    assert "mlp" in result["data"]["text/plain"]


@pytest.mark.slow
def test_an_interrupted_kernel_keeps_what_is_done_and_goes_on(kernel: Kernel, tmp_path: Path) -> None:
    call = "bench.run(models='softmax,mlp', suite='quick', epochs=8, probes='none', timing_rounds=0)"
    assert kernel.execute(f"import bench\n{call}", interrupt_at="mlp seed 0 epoch 1/8") == "error"
    assert kernel.of("error")[0]["ename"] == "KeyboardInterrupt"
    assert kernel.text == "stopped by SIGINT; what is done is in results/README.md\n"
    runs, _ = load_runs(tmp_path / "results")
    assert [(run.trial.model, run.status) for run in runs] == [("softmax", "done"), ("mlp", "interrupted")]
    assert "| softmax" in (tmp_path / "results" / "README.md").read_text()
    assert kernel.execute("import os; os.getpid()") == "ok"
    kernel_pid = int(kernel.of("execute_result")[0]["data"]["text/plain"])
    left = [child.cmdline() for child in psutil.Process(kernel_pid).children(recursive=True)]
    assert not [line for line in left if "resource_tracker" not in " ".join(line)], "no worker is left behind"
    assert kernel.execute("import time; print('asleep', flush=True); time.sleep(60)", interrupt_at="asleep") == "error"
    assert kernel.of("error")[0]["ename"] == "KeyboardInterrupt", "signals are handled as before"
