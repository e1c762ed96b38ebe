"""The hardware of this machine: what its tables call it, and what makes two machines of one kind."""

import contextlib
import platform
import re
import subprocess
from pathlib import Path

import psutil

from bench.records.machines import System
from bench.runner import gpu

CPUINFO = Path("/proc/cpuinfo")
L3_SIZE = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


def read_system() -> System:
    """Identify this machine's kind of hardware."""
    import torch  # here, so that those who only name the machine do not wait for it

    facts = _cpuinfo()
    gpu_model = gpu.describe().get("gpu_model")
    return System(
        cpu_model=cpu_model()[:200],
        cpu_vendor=facts.get("vendor_id"),
        cpu_family=_number(facts.get("cpu family")),
        cpu_model_number=_number(facts.get("model")),
        cpu_stepping=_number(facts.get("stepping")),
        instruction_set=re.sub(r"[^A-Za-z0-9]+", "-", torch.backends.cpu.get_cpu_capability()),
        logical_cpus=psutil.cpu_count() or 1,
        l3_bytes=_l3_bytes(),
        gpu_model=None if gpu_model is None else str(gpu_model)[:200],
    )


def cpu_model() -> str:
    """The processor's name as its maker gives it; the architecture where that cannot be read."""
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        with contextlib.suppress(OSError):
            return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    return _cpuinfo().get("model name") or platform.processor() or platform.machine() or "unknown"


def machine_slug() -> str:
    """The machine's readable name: its GPU, or else its processor, and how many processors it has."""
    chip = gpu.describe().get("gpu_model") or cpu_model()
    words = re.sub(r"\((R|TM)\)|\bCPU\b|\bProcessor\b|@.*", " ", str(chip), flags=re.IGNORECASE)
    plain = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "machine"
    return f"{plain}-{psutil.cpu_count()}cpu"


def _cpuinfo() -> dict[str, str]:
    """Read what Linux says of the first processor; empty elsewhere."""
    try:
        first, *_ = CPUINFO.read_text().strip().split("\n\n")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _l3_bytes() -> int | None:
    """Read the size of the third cache, as ``32768K``; None where Linux does not tell."""
    with contextlib.suppress(OSError):
        size = re.fullmatch(r"(\d+)([KMG])", L3_SIZE.read_text().strip())
        return int(size[1]) * UNITS[size[2]] if size else None
    return None
