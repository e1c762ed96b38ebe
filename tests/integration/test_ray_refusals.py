"""Clusters that cannot be used, and how nodes are told apart."""

import socket
import time

import pytest

from tests.conftest import Command

pytest.importorskip("ray", reason="needs Ray: pip install -e '.[cluster]'")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1025", "no Ray cluster answers at 127.0.0.1:1025: Connection refused"),
        ("nowhere.invalid:6379", "no Ray cluster answers at nowhere.invalid:6379: "),
    ],
)
def test_where_no_cluster_answers_it_is_one_line_and_soon(in_process: Command, address: str, message: str) -> None:
    begin = time.monotonic()
    done = in_process("run", "--executor", "ray", "--ray-address", address)
    assert time.monotonic() - begin < 20
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_port_that_is_not_rays_is_one_line_and_soon(in_process: Command) -> None:
    with socket.create_server(("", 0)) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        done = in_process("run", "--executor", "ray", "--ray-address", address)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: no Ray cluster answers at {address} within 10 s\n"


def test_a_cluster_without_the_device_is_refused_by_name(in_process: Command) -> None:
    done = in_process("run", "--executor", "ray", "--device", "mps")
    assert done.stderr == "error: device 'mps' is not for a cluster: use one of auto, cpu, cuda\n"
