import pytest

from bench.cli import report
from tests.conftest import Command


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError("AF_UNIX path too long"), "AF_UNIX path too long"),
        (TimeoutError(), "TimeoutError"),
        (BrokenPipeError(32, "Broken pipe"), "Broken pipe"),
        (PermissionError(13, "Permission denied", "/a/file"), "/a/file: Permission denied"),
    ],
)
def test_an_error_of_the_system_is_one_line_with_its_cause(
    error: OSError, line: str, in_process: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(report, "render_again", fail)
    done = in_process("report")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {line}\n")
