"""Unit tests run in this process: none starts another, and none serves on a socket."""

import socket
import subprocess
from multiprocessing.process import BaseProcess

import pytest


@pytest.fixture(autouse=True)
def this_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a unit test starts no process and no server")

    for owner, name in ((subprocess.Popen, "__init__"), (BaseProcess, "start"), (socket.socket, "listen")):
        monkeypatch.setattr(owner, name, refuse)
