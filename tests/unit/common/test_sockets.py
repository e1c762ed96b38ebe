import tempfile
from multiprocessing import process, util
from pathlib import Path

import pytest

from bench.common import sockets
from bench.common.errors import UserError
from bench.common.sockets import LONGEST, make_socket_folder


@pytest.fixture
def long_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setitem(process.current_process()._config, "tempdir", None)  # type: ignore[attr-defined]
    return folder


def test_sockets_lie_in_a_short_folder_and_other_files_where_they_should(long_folder: Path) -> None:
    make_socket_folder()
    folder = Path(util.get_temp_dir())
    assert len(str(folder.parent)) <= LONGEST
    assert len(f"{folder}/listener-xxxxxxxx") < 104
    assert tempfile.gettempdir() == str(long_folder)


def test_without_a_short_folder_the_line_names_tmpdir(long_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SHORT_FOLDERS", ("/proc/nowhere",))
    with pytest.raises(UserError, match=f"TMPDIR is {long_folder}, too long"):
        make_socket_folder()
    assert tempfile.gettempdir() == str(long_folder)
