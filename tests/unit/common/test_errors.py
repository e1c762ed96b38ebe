import errno
from pathlib import Path

import pytest

from bench.common.errors import OutputError, cause_of, plain, reporting


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(errno.EACCES, "Permission denied", "/a/file"), "Permission denied"),
        (OSError("AF_UNIX path too long"), "AF_UNIX path too long"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_every_error_of_the_system_has_a_cause(error: OSError, cause: str) -> None:
    assert cause_of(error) == cause


def test_standard_output_that_cannot_be_written_is_told_from_a_file() -> None:
    with Path("/dev/full").open("w") as full, pytest.raises(OutputError, match=r"standard output: No space left"):
        stream = reporting(full)
        stream.write("x" * 100_000)
        stream.flush()


def test_a_reason_is_plain_where_the_current_folder_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert plain(f"cannot read {Path.home()}/file") == "cannot read ~/file"
