"""What the commands do once their options are read: train, compare, print, and say with which code to exit.

Each function imports what it needs when it runs, so that no command waits for what another needs.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench.errors import UserError, say, unknown_name

M = TypeVar("M", bound="Measurement")

if TYPE_CHECKING:
    from bench.plan import Plan
    from bench.records import Measurement, Run
    from bench.runner import Summary
    from bench.signals import Interrupted
    from bench.storage import Problem


def carry_out(plan: "Plan", as_json: bool) -> int:
    """Train what is planned, report, and give the exit code."""
    from bench.report import render

    results = plan.setting.results
    summary = _train(plan, on_interrupt=lambda: render(results).page, between_rounds=lambda: render(results))
    if isinstance(summary, int):
        return summary
    rendered = render(results)
    if as_json:
        print(json.dumps(_summary_json(summary, rendered.page)))
    else:
        print(rendered.terminal_text())
    return max(report_problems(rendered.problems), report_failures(summary, results))


def measure_noise(plan: "Plan", results: Path, as_json: bool) -> int:
    """Run the planned repeats, each in a process of its own, and print the floors; gives the exit code."""
    from bench.report import render

    repeats = plan.setting.results
    summary = _train(plan, on_interrupt=lambda: repeats, fresh_workers=True)
    if isinstance(summary, int):
        return summary
    rendered = render(results)
    if as_json:
        print(json.dumps(rendered.noise_rows()))
    else:
        print(rendered.noise_text())
    return max(report_problems(rendered.problems), report_failures(summary, repeats))


def compare_sides(base: str, new: str, fail: Sequence[str], only_changed: bool, sort: str, as_json: bool) -> int:
    """Compare two sources of records and print what changed; gives the exit code.

    Raises:
        UserError: a side cannot be read, or a gate is wrong or tighter than the noise floor.
    """
    from bench import compare as comparison

    gates = [comparison.parse_gate(text) for text in fail]
    if sort not in comparison.SORTS:
        raise unknown_name("sort order", sort, comparison.SORTS)
    with comparison.open_side(base) as before, comparison.open_side(new) as after:
        if not after.runs:
            raise UserError(f"{new} holds no records: run 'python -m bench run' first")
        changes = comparison.find_changes(before, after) if before.runs else []
    judgement = comparison.judge(changes, gates) if changes else comparison.Judgement([], [])
    shown = comparison.arrange(changes, sort, only_changed)
    if as_json:
        print(json.dumps({"base": base, "new": new, "changes": comparison.to_json(shown), **vars(judgement)}))
    elif not changes:
        print(f"{base} holds no records yet: nothing to compare with")
    else:
        print(comparison.table(shown), comparison.LEGEND, sep="\n\n")
        for line in judgement.regressions:
            print(f"regression: {line}")
    for line in judgement.warnings:
        say(f"warning: {line}")
    return max(report_problems(before.problems + after.problems), 1 if judgement.regressions else 0)


def track_benchmarks(only: str | None, results: Path, data_dir: Path | None, as_json: bool) -> int:
    """Run the benchmarks, hold them against their last run on this machine, save them; gives the exit code.

    Raises:
        UserError: the benchmarks cannot be run, or their results not be written.
    """
    from bench import datasets, track
    from bench.environment import this_machine
    from bench.runner import check_writable
    from bench.saved_benchmarks import cases_of

    folder = track.folder_of(results, this_machine(data_dir or datasets.default_data_dir()))
    check_writable(results)
    content = track.run_benchmarks(only)
    last = track.last_cases(folder)
    steps = track.compare_with_last(cases_of(content), last)
    path = track.save(folder, content)
    slower = [step.regression for step in steps if step.slower]
    if as_json:
        print(json.dumps({"benchmarks": track.rows(steps), "regressions": slower, "saved": str(path)}))
        return 1 if slower else 0
    print_rows(track.rows(steps), as_json=False)
    print(f"{'saved' if last else 'baseline saved'}: {path}")
    for line in slower:
        print(f"regression: {line}")
    return 1 if slower else 0


def store(
    save: Callable[[Path, M], Path], results: Path, record: M, rows: Callable[[M], list[dict[str, Any]]], as_json: bool
) -> int:
    """Save the record, render the report, and print the record's rows, or all of it as JSON; gives the exit code."""
    from bench.report import render

    try:
        path = save(results, record)
    except OSError as error:
        raise UserError(f"cannot write to {results}: {error.strerror}; name another folder with --results") from error
    rendered = render(results)
    if as_json:
        print(record.model_dump_json(by_alias=True))
    else:
        print_rows(rows(record), as_json=False)
        print(f"saved: {path}")
    return report_problems(rendered.problems)


def train(plan: "Plan", between_rounds: Callable[[], object] = lambda: None, fresh_workers: bool = False) -> "Summary":
    """Train what is planned, ask the trained models the setting's probes, and show how far it is.

    The probes are put to each round of seeds before the next is trained, so that the first report is soon there, and
    whole.

    Raises:
        UserError: the results folder cannot be written.
        Interrupted: SIGINT, SIGTERM or SIGHUP came; what was done is on disk, and no worker is left.
    """
    from bench.plan import open_executor
    from bench.probing import run_probes
    from bench.progress import make_progress
    from bench.runner import run_trials
    from bench.signals import interruptible

    progress = make_progress(plan.cluster.at_once if plan.cluster else 1)
    asked = set[str]()
    report = Sparingly(between_rounds)
    try:
        with open_executor(plan, fresh_workers, progress.note) as (executor, each), interruptible():

            def ask(summary: "Summary") -> None:
                new = [run for run in (*summary.done, *summary.skipped) if run.stem not in asked]
                summary.unanswered += run_probes(new, plan.setting, executor, progress.note, each)
                asked.update(run.stem for run in new)

            def end_round(summary: "Summary") -> None:
                ask(summary)
                report()

            summary = run_trials(plan.trials, plan.setting, executor, progress, end_round, each)
            ask(summary)
            return summary
    finally:
        progress.close()


class Sparingly:
    """An action that is left out where it would take more than a tenth of the time, as a report of each round would."""

    def __init__(self, action: Callable[[], object], now: Callable[[], float] = time.monotonic) -> None:
        self._action, self._now = action, now
        self._due = now()

    def __call__(self) -> None:
        began = self._now()
        if began >= self._due:
            self._action()
            ended = self._now()
            self._due = ended + 9 * (ended - began)


def _train(
    plan: "Plan",
    on_interrupt: Callable[[], Path],
    between_rounds: Callable[[], object] = lambda: None,
    fresh_workers: bool = False,
) -> "Summary | int":
    """What was done, or the exit code of an interruption."""
    from bench.signals import Interrupted

    try:
        return train(plan, between_rounds, fresh_workers)
    except Interrupted as interruption:
        report_interruption(interruption, on_interrupt())
        return interruption.exit_code


def report_interruption(interruption: "Interrupted", kept: Path) -> None:
    """One line on standard error: which signal it was, and where to find what was done before."""
    say(f"stopped by {interruption.signal_name}; what is done is in {kept}")


def report_failures(summary: "Summary", results: Path) -> int:
    """One line on standard error for each failed trial, each probe without an answer, each record that is gone again.

    Gives the exit code.
    """
    from bench.progress import failure_line
    from bench.storage import run_path

    for failed in summary.failed:
        say(f"error: {failure_line(failed)}{_where_the_traceback_is(results, failed)}")
    for line in summary.unanswered:
        say(f"error: no answer: {line}")
    gone = [run for run in summary.done if not run_path(results, run).is_file()]
    for run in gone:
        say(f"error: {run_path(results, run)} was removed during the run; the same command trains it again")
    return 2 if summary.failed or summary.unanswered or gone else 0


def _where_the_traceback_is(results: Path, failed: "Run") -> str:
    from bench.storage import runs_dir

    log = runs_dir(results, failed.machine) / f"{failed.stem}.log"
    return f" (traceback in {log})" if log.exists() else ""


def _summary_json(summary: "Summary", page: Path) -> dict[str, Any]:
    def rows(runs: Any) -> list[dict[str, Any]]:
        return [
            {
                "model": run.trial.model,
                "seed": run.trial.seed,
                "status": run.status,
                "error": run.error,
                "test_accuracy": run.result.test_accuracy if run.result else None,
                "record": run.stem,
            }
            for run in runs
        ]

    return {
        "done": rows(summary.done),
        "failed": rows(summary.failed),
        "already_done": rows(summary.skipped),
        "report": str(page),
    }


def report_problems(problems: Sequence["Problem"]) -> int:
    """One line each on standard error; gives the exit code."""
    for problem in problems:
        say(f"error: skipped {problem}")
    return 2 if problems else 0


def split_names(text: str) -> list[str]:
    """Names separated by commas, blanks or both."""
    return text.replace(",", " ").split()


def print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """As a table, or as JSON."""
    from tabulate import tabulate

    print(json.dumps(rows) if as_json else tabulate(rows, headers="keys", intfmt=","))
