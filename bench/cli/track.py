"""The command ``track``: the benchmarks of tests/benchmarks, compared with their last run on this machine.

pytest-benchmark measures; its files are kept as it writes them, one folder per machine, so that its own command reads
them too: ``pytest-benchmark --storage results/benchmarks list``.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cli.output import print_rows
from bench.common.atomic import write_atomically
from bench.common.errors import UserError, cause_of, say
from bench.common.git import git_environment
from bench.common.package import PACKAGE
from bench.common.untrusted import make_folder
from bench.data.files import default_data_dir
from bench.records.machines import Machine
from bench.records.pytest_benchmarks import FOLDER, NOT_ONE, Case, cases_of, read_saved
from bench.records.storage import check_writable
from bench.runner.allocator import allocator_settings
from bench.runner.environment import this_machine

CHECKOUT = PACKAGE.parent
CASES = Path("tests") / "benchmarks"


@dataclass(frozen=True)
class Step:
    """One benchmark and the last run of the same case; ``before_s`` is None where there is none."""

    case: Case
    before_s: float | None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Time now over time before; None where there is no before."""
        return self.case.median_s / self.before_s if self.before_s else None

    @property
    def slower(self) -> bool:
        """Slower than before by more than the case's own threshold."""
        return self.ratio is not None and self.ratio > 1 + self.case.threshold

    @property
    def regression(self) -> str:
        """A line such as ``test_training_step[cnn]: 31.2 ms, was 16.1 ms: 1.94 times as long, allowed 1.30``."""
        after, before = f"{1e3 * self.case.median_s:.3g} ms", f"{1e3 * (self.before_s or 0):.3g} ms"
        times = f"{self.ratio:.2f} times as long, allowed {1 + self.case.threshold:.2f}"
        return f"{self.case.name}: {after}, was {before}: {times}"


def track_benchmarks(only: str | None, results: Path, data_dir: Path | None, as_json: bool) -> int:
    """Run the benchmarks, compare them with their last run on this machine, save them; gives the exit code.

    Raises:
        UserError: the benchmarks cannot be run, or their results not be written.
    """
    folder = folder_of(results, this_machine(data_dir or default_data_dir()))
    check_writable(results)
    content = run_benchmarks(only)
    last = last_cases(folder)
    steps = compare_with_last(cases_of(content), last)
    path = save(folder, content)
    slower = [step.regression for step in steps if step.slower]
    if as_json:
        print(json.dumps({"benchmarks": rows(steps), "regressions": slower, "saved": str(path)}))
        return 1 if slower else 0
    print_rows(rows(steps), as_json=False)
    print(f"{'saved' if last else 'baseline saved'}: {path}")
    for line in slower:
        print(f"regression: {line}")
    return 1 if slower else 0


def run_benchmarks(only: str | None) -> dict[str, Any]:
    """Run the cases in a process of their own, with the allocator settings that training has.

    Args:
        only: pytest's expression for ``-k``.

    Raises:
        UserError: this is no checkout, a case failed, or none was chosen.
    """
    if not (CHECKOUT / CASES).is_dir():
        raise UserError("track runs the benchmarks of a checkout, and this is an installed package: clone the project")
    with tempfile.TemporaryDirectory(prefix="mnist-bench-") as folder:
        output = Path(folder) / "benchmarks.json"
        command = [
            sys.executable, "-m", "pytest", str(CASES), "--quiet", "-p", "no:cacheprovider", "-o", "addopts=",
            "--benchmark-only", "--benchmark-columns=median,iqr,rounds", f"--benchmark-json={output}",
            *(["-k", only] if only else []),
        ]  # fmt: skip
        with allocator_settings():
            done = subprocess.run(command, cwd=CHECKOUT, stdout=sys.stderr, env=_environment(), check=False)
        if done.returncode == 5:
            raise UserError(f"no benchmark is called like {only!r}: 'pytest --collect-only {CASES}' lists them")
        if done.returncode:
            raise UserError(f"the benchmarks did not pass (pytest's exit code {done.returncode}); nothing was saved")
        try:
            return dict(json.loads(output.read_bytes()))
        except (OSError, ValueError) as error:
            raise UserError("pytest-benchmark wrote no result; is it installed? ('make install')") from error


def _environment() -> dict[str, str]:
    """Copy the environment without the options that a user sets for pytest, or git, elsewhere."""
    return {name: value for name, value in git_environment().items() if not name.startswith("PYTEST_")}


def last_cases(folder: Path) -> dict[str, Case]:
    """The last run of each case; files that are no benchmark runs are passed over with a line."""
    latest: dict[str, Case] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            latest |= cases_of(read_saved(folder, path))
        except NOT_ONE:
            say(f"warning: {path.name} is no benchmark run; passed over")
    return latest


def compare_with_last(cases: dict[str, Case], last: dict[str, Case]) -> list[Step]:
    """One step per case, in the order they ran; a case whose conditions changed is not compared."""
    return [_step(case, last.get(name)) for name, case in cases.items()]


def save(folder: Path, content: dict[str, Any]) -> Path:
    """Write the run under the next number, as pytest-benchmark names its files.

    Raises:
        UserError: the folder cannot be written.
    """
    commit = content["commit_info"]
    numbers = [int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]_*.json")]
    moment = content["datetime"].replace("-", "").replace(":", "").replace("T", "_")[:15]
    dirty = "_uncommitted-changes" if commit["dirty"] else ""
    path = folder / f"{max(numbers, default=0) + 1:04d}_{commit['id'] or 'unversioned'}_{moment}{dirty}.json"
    try:
        make_folder(folder.parent.parent, folder)
        write_atomically(path, json.dumps(content, indent=1) + "\n")
    except OSError as error:
        raise UserError(f"cannot write {path}: {cause_of(error)}; name another folder with --results") from error
    return path


def folder_of(results: Path, machine: Machine) -> Path:
    """The folder of one machine's runs."""
    return results / FOLDER / machine.name


def rows(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Rows of the table, times in milliseconds."""
    return [
        {
            "benchmark": step.case.name,
            "before_ms": _milliseconds(step.before_s),
            "after_ms": _milliseconds(step.case.median_s),
            "ratio": None if step.ratio is None else round(step.ratio, 2),
            "allowed": round(1 + step.case.threshold, 2),
            "note": "SLOWER" if step.slower else step.note,
        }
        for step in steps
    ]


def _step(case: Case, last: Case | None) -> Step:
    if last is None:
        return Step(case, None, "baseline")
    names = sorted(case.conditions.keys() | last.conditions.keys())
    changed = [
        f"{name} {last.conditions.get(name)} -> {case.conditions.get(name)}"
        for name in names
        if last.conditions.get(name) != case.conditions.get(name)
    ]
    return Step(case, None, f"not comparable: {'; '.join(changed)}") if changed else Step(case, last.median_s)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else float(f"{1e3 * seconds:.4g}")
