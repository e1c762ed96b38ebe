"""The command ``compare``: the changes between two sets of records, and the gates they break."""

import json
from collections.abc import Sequence

from bench.analysis.compare.changes import find_changes
from bench.analysis.compare.gates import GateResults, apply_gates, parse_gate
from bench.analysis.compare.markdown import code, to_markdown
from bench.analysis.compare.sources import open_side
from bench.analysis.compare.table import LEGEND, SORTS, arrange, table, to_json
from bench.common.errors import UserError, one_line, say, unknown_name
from bench.runner.progress.summary import report_problems


def compare_sides(
    base: str,
    new: str,
    fail: Sequence[str],
    *,
    only_changed: bool,
    sort: str,
    across_machines: bool,
    allow_idle: bool,
    markdown: bool,
    as_json: bool,
) -> int:
    """Compare two sources of records and print what changed; gives the exit code.

    Raises:
        UserError: a side cannot be read, a gate is wrong or tighter than the noise floor, or two options exclude each
            other.
    """
    gates = [parse_gate(text) for text in fail]
    if sort not in SORTS:
        raise unknown_name("sort order", sort, SORTS)
    if markdown and as_json:
        raise UserError("--markdown and --json exclude each other: give one of them")
    with open_side(base) as before, open_side(new) as after:
        if not after.runs:
            raise UserError(f"{new} holds no records: run 'python -m bench run' first")
        changes = find_changes(before, after, across_machines) if before.runs else []
    nothing = "" if changes else f"{base} holds no records yet" if not before.runs else "all runs were interrupted"
    results = apply_gates(changes, gates) if changes else GateResults([], [], idle=nothing if gates else "")
    shown = arrange(changes, sort, only_changed)
    if as_json:
        print(json.dumps({"base": base, "new": new, "changes": to_json(shown), **vars(results)}))
    elif nothing:
        print(f"**nothing to compare**: {code(nothing)}" if markdown else f"{nothing}: nothing to compare with")
    elif markdown:
        print(to_markdown(base, new, changes, shown, gates, results))
    else:
        print(table(shown), LEGEND, sep="\n\n")
        for line in results.regressions:
            print(f"regression: {one_line(line)}")
    for line in results.warnings:
        say(f"warning: {line}")
    idle = _report_idle(results.idle, allow_idle) if results.idle else 0
    return max(report_problems(before.problems + after.problems), 1 if results.regressions else 0, idle)


def _report_idle(reason: str, allowed: bool) -> int:
    """Print why no gate had anything to judge, and what to do about it; gives the exit code."""
    idle = f"no gate had anything to judge ({reason})"
    if allowed:
        say(f"warning: {idle}")
        return 0
    say(f"error: {idle}: compare new runs of the same trials on the same kind of machine, or allow it by --allow-idle")
    return 2
