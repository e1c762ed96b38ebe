"""The command ``track``: the benchmarks of tests/benchmarks, held against the accepted baseline or against a commit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cli.output import print_rows
from bench.common.errors import UserError, say
from bench.data.files import default_data_dir
from bench.records.machines import Machine
from bench.records.pytest_benchmarks import folder_of
from bench.records.schema import Git
from bench.records.storage import check_writable
from bench.runner.environment import read_git, this_machine
from bench.runner.signals import Interrupted
from bench.tracking.against import Comparison, compare_with_commit
from bench.tracking.baseline import Step
from bench.tracking.history import Tracked, accept, track
from bench.tracking.pytest_process import check_checkout
from bench.tracking.verdicts import TOLERANCE, Judged, confidence_for


@dataclass(frozen=True)
class Request:
    """What was typed: benchmarks to choose, a commit to hold them against, or the newest run to accept."""

    only: str | None
    against: str | None
    accept: bool
    results: Path
    data_dir: Path | None
    as_json: bool


def track_benchmarks(request: Request) -> int:
    """Do what was typed; gives the exit code, 1 where a benchmark is slower.

    Raises:
        UserError: the benchmarks cannot be run or compared, or their results not be written.
    """
    if request.accept and (request.against is not None or request.only is not None):
        raise UserError("--accept takes the newest saved run as it is, without --against or --only")
    check_checkout()
    check_writable(request.results)
    machine = this_machine(request.data_dir or default_data_dir())
    if request.accept:
        return _accept(request, machine)
    if request.against is not None:
        return _against(request, request.against, machine)
    tracked = track(request.results, folder_of(request.results, machine), request.only)
    return _print_tracked(tracked, request.as_json)


def _accept(request: Request, machine: Machine) -> int:
    folder = folder_of(request.results, machine)
    run = accept(folder)
    path = str(folder / run.file)
    if request.as_json:
        print(json.dumps({"accepted": path, "commit": run.commit, "benchmarks": list(run.cases)}))
    else:
        print(f"accepted as the baseline of {len(run.cases)} benchmarks: {path}")
    return 0


def _print_tracked(tracked: Tracked, as_json: bool) -> int:
    slower = [step.regression for step in tracked.steps if step.slower]
    new = [step.case.name for step in tracked.steps if step.case.name not in tracked.baselines]
    if as_json:
        parts = {"benchmarks": rows(tracked.steps), "regressions": slower, "saved": str(tracked.saved), "new": new}
        print(json.dumps(parts | {"vanished": [gone.name for gone in tracked.vanished]}))
        return 1 if slower else 0
    print_rows(rows(tracked.steps), as_json=False)
    held = [tracked.baselines[step.case.name] for step in tracked.steps if step.case.name in tracked.baselines]
    begins = dict.fromkeys(baseline.runs[0].file for baseline in held)
    for file in begins:
        print(f"baseline: {file}, with what was measured again of its commit")
    print(f"{'saved' if begins else 'baseline saved'}: {tracked.saved}")
    for gone in tracked.vanished:
        print(f"vanished: {gone}")
    for line in slower:
        print(f"regression: {line}")
    return 1 if slower else 0


def _against(request: Request, revision: str, machine: Machine) -> int:
    git = read_git()

    def show(pair: int, number: int, total: int, name: str) -> None:
        say(f"{'again, in new processes: ' if pair > 1 else ''}{number}/{total} {name}")

    try:
        comparison = compare_with_commit(revision, request.only, request.results, machine, git, show)
    except Interrupted as interruption:
        say(f"stopped by {interruption.signal_name}; nothing was saved")
        return interruption.exit_code
    return _print_comparison(comparison, revision, git, request.as_json)


def _print_comparison(comparison: Comparison, revision: str, git: Git, as_json: bool) -> int:
    slower = [pair.regression for pair in comparison.judged if pair.verdict == "slower"]
    measured, confidence = comparison.measured, confidence_for(len(comparison.judged))
    if as_json:
        parts = {
            "before": {"revision": revision, "commit": comparison.commit},
            "after": git.model_dump(),
            "benchmarks": judged_rows(comparison.judged),
            "confidence": confidence,
            "tolerance": TOLERANCE,
            "regressions": slower,
            "only_before": measured.only_before,
            "only_after": measured.only_after,
            "saved": str(comparison.saved),
        }
        print(json.dumps(parts))
        return 1 if slower else 0
    after = f"{git.commit[:12] if git.commit else 'no commit'}{' with uncommitted changes' if git.dirty else ''}"
    print(f"before: {revision} ({comparison.commit[:12]}); after: the working tree ({after})\n")
    print_rows(judged_rows(comparison.judged), as_json=False)
    print(
        f"\nRatios have {100 * confidence:.4g} % intervals, which hold for all benchmarks together with 95 %; "
        f"slower is what lies above {1 + TOLERANCE:.2f} with its whole interval."
    )
    for side, names in ((revision, measured.only_before), ("the working tree", measured.only_after)):
        if names:
            print(f"only in {side}, left out: {', '.join(names)}")
    print(f"saved: {comparison.saved}")
    for line in slower:
        print(f"regression: {line}")
    return 1 if slower else 0


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


def judged_rows(pairs: Sequence[Judged]) -> list[dict[str, Any]]:
    """Rows of the table, times in milliseconds."""
    return [
        {
            "benchmark": pair.name,
            "before_ms": _milliseconds(pair.before_s),
            "after_ms": _milliseconds(pair.after_s),
            "ratio": round(pair.ratio.median, 3),
            "low": round(pair.ratio.low, 3),
            "high": round(pair.ratio.high, 3),
            "turns": pair.turns,
            "verdict": pair.verdict,
        }
        for pair in pairs
    ]


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else float(f"{1e3 * seconds:.4g}")
