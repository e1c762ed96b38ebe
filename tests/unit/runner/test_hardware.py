import platform
from pathlib import Path

import pytest
import torch

from bench.runner import hardware
from bench.runner.environment import this_machine

CPUINFO = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
stepping\t: 1

processor\t: 1
vendor_id\t: AuthenticAMD
model name\t: another
"""


@pytest.fixture
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO)
    monkeypatch.setattr(hardware, "CPUINFO", path)
    monkeypatch.setattr(hardware, "L3_SIZE", tmp_path / "size")
    return path


def test_a_system_is_more_than_its_marketing_name(cpuinfo: Path) -> None:
    hardware.L3_SIZE.write_text("32768K\n")
    system = hardware.read_system()
    assert (system.cpu_model, system.cpu_vendor) == ("AMD EPYC", "AuthenticAMD")
    assert (system.cpu_family, system.cpu_model_number, system.cpu_stepping) == (25, 17, 1)
    assert system.l3_bytes == 32 * 2**20
    assert system.instruction_set.replace("-", " ") == torch.backends.cpu.get_cpu_capability()


def test_what_a_machine_does_not_tell_is_null(cpuinfo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpuinfo.unlink()
    monkeypatch.setattr(platform, "processor", lambda: "")  # asks another program
    hardware.L3_SIZE.write_text("plenty\n")
    system = hardware.read_system()
    assert system.cpu_vendor is system.cpu_family is system.cpu_stepping is system.l3_bytes is None
    assert system.cpu_model


def test_an_id_that_came_with_the_data_to_other_hardware_is_of_another_system_there(
    cpuinfo: Path, tmp_path: Path
) -> None:
    before = this_machine(tmp_path / "data")
    assert this_machine(tmp_path / "data") == before
    cpuinfo.write_text(CPUINFO.replace("AMD EPYC", "AMD Ryzen").replace(": 17", ": 33"))
    after = this_machine(tmp_path / "data")
    assert after.id == before.id
    assert after.slug.startswith("amd-ryzen")
    assert after.system_id != before.system_id
