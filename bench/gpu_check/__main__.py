"""Run the checks of a GPU one after the other, each in a process of its own, and write down what they find.

A check that fails, crashes or takes too long costs itself alone. This file imports nothing but Python's library, so
that it can say what is missing.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.gpu_check.page import write_page

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 460.0
"""Seconds for all checks together."""
STARTING_S = 120
"""Seconds in which CUDA must start."""
CHECKS = {
    "versions": 30,
    "fork": 60,
    "tests": 150,
    "repeatability": 60,
    "kernels": 60,
    "article": 150,
    "variants": 60,
    "quick": 120,
    "speed": 120,
}
"""Every check, what matters most first, with the seconds after which it is given up on a GPU."""
ON_A_CPU = 5
"""How many times as long a check may take that is only tried, on a CPU."""


def main(arguments: list[str] | None = None) -> int:
    """Check the GPU; gives 0 where everything holds, 1 where something does not, 2 where it cannot be checked."""
    options = _parser().parse_args(arguments)
    try:
        if reason := _impossible(options.checks, options.device):
            raise _Refused(reason)
        options.out.mkdir(parents=True, exist_ok=True)
        done = run_checks(options.checks or list(CHECKS), options.device, options.limit, options.out)
    except KeyboardInterrupt:
        return 130
    except (_Refused, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{options.out / 'gpu-check.json'}\n{options.out / 'gpu-check.md'}")
    return 0 if all(check["holds"] for check in done) else 1


class _Refused(Exception):
    """The check cannot be made, for a reason that the user can mend."""


def _impossible(checks: list[str], device: str) -> str:
    """Say why the checks cannot be made; empty where they can."""
    if not (ROOT / "pyproject.toml").exists():
        return "the check needs a checkout of the project, with its tests: clone it, and run it there"
    if missing := missing_packages():
        names = " ".join(missing)
        return f"packages are missing: {names}; 'pip download --no-deps {names}' gives the wheels to bring along"
    if unknown := [name for name in checks if name not in CHECKS]:
        return f"unknown check {unknown[0]!r}: known are {', '.join(CHECKS)}"
    if device == "cuda" and (reason := _without_gpu()):
        return f"there is no GPU to check: {reason}"
    return ""


def run_checks(names: list[str], device: str, limit_s: float, out: Path) -> list[dict[str, Any]]:
    """Run checks by name; what is known is on disk after each.

    Raises:
        OSError: the folder ``out`` cannot be written.
    """
    deadline, done = time.monotonic() + limit_s, []
    for name in names:
        allowed = CHECKS[name] * (ON_A_CPU if device == "cpu" else 1)
        seconds = min(allowed, deadline - time.monotonic())
        done.append(_run(name, device, seconds) if seconds > 1 else _given_up(name, 0, "no time was left for it"))
        held = "holds" if done[-1]["holds"] else "does not hold"
        print(f"{name}: {held}, {done[-1]['seconds']:.0f} s", file=sys.stderr)
        text = _without_paths(json.dumps({"checks": done}, indent=1))
        (out / "gpu-check.json").write_text(f"{text}\n")
        (out / "gpu-check.md").write_text(write_page(json.loads(text)["checks"]))
    return done


def missing_packages() -> list[str]:
    """List what the project needs and this Python has not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], "pytest", "pytest-timeout", "pytest-benchmark"]
    names = [requirement.split(">")[0].split("[")[0].split("=")[0].strip() for requirement in wanted]
    return [name for name in names if not _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _without_gpu() -> str:
    """Say why torch has no GPU, asked in another process; empty where it has one."""
    line = [sys.executable, "-c", "import torch; torch.cuda.init()"]
    try:
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=STARTING_S)
    except subprocess.TimeoutExpired:
        return f"CUDA has not started after {STARTING_S} s"
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["torch does not start"])[-1]


def _run(name: str, device: str, seconds: float) -> dict[str, Any]:
    """Run one check in a process of its own, ended with all that it started when its time is over."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mnist-bench-") as folder:
        answer = Path(folder) / "answer.json"
        line = [sys.executable, "-m", "bench.gpu_check.checks", name, device, str(answer)]
        output, reason = _output(line, seconds)
        findings = json.loads(answer.read_text()) if answer.exists() else []
    return {
        "check": name,
        "seconds": round(time.monotonic() - begin, 1),
        "holds": not reason and all(finding["holds"] is not False for finding in findings),
        "reason": reason,
        "findings": findings,
        "output": output[-4000:] if reason else "",
    }


def _output(line: list[str], seconds: float) -> tuple[str, str]:
    """Run a command for some seconds at most; gives its output, and the reason why it is no success."""
    process = subprocess.Popen(
        line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=seconds)
        return output, f"ended with exit code {process.returncode}" if process.returncode else ""
    except subprocess.TimeoutExpired:
        _kill(process)
        return process.communicate()[0], f"not finished after {seconds:.0f} s"
    finally:
        _kill(process)  # Ctrl-C reaches this process alone, and a check that has crashed may leave others


def _kill(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _given_up(name: str, seconds: float, reason: str) -> dict[str, Any]:
    return {"check": name, "seconds": seconds, "holds": False, "reason": reason, "findings": [], "output": ""}


def _without_paths(text: str) -> str:
    """Take this machine's folders out of a text."""
    folders = {ROOT: ".", Path(sys.prefix): "python", Path(tempfile.gettempdir()): "tmp", Path.home(): "~"}
    for folder, word in folders.items():
        text = text.replace(str(folder), word) if folder != Path(folder.anchor) else text
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench.gpu_check", description="Check everything that needs a GPU.")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"Default: all ({', '.join(CHECKS)}).")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "gpu", help="Folder of the two files.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: try the checks themselves.")
    parser.add_argument("--limit", type=float, default=LIMIT_S, metavar="SECONDS", help="For all checks together.")
    return parser


if __name__ == "__main__":
    sys.exit(main())
