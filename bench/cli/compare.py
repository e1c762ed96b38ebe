"""The command ``compare``: the changes between two sets of records, and the gates they break."""

import json
from collections.abc import Sequence

from bench.analysis.compare.changes import find_changes
from bench.analysis.compare.gates import GateResults, apply_gates, parse_gate
from bench.analysis.compare.sources import open_side
from bench.analysis.compare.table import LEGEND, SORTS, arrange, table, to_json
from bench.common.errors import UserError, say, unknown_name
from bench.runner.progress.summary import report_problems


def compare_sides(base: str, new: str, fail: Sequence[str], only_changed: bool, sort: str, as_json: bool) -> int:
    """Compare two sources of records and print what changed; gives the exit code.

    Raises:
        UserError: a side cannot be read, or a gate is wrong or tighter than the noise floor.
    """
    gates = [parse_gate(text) for text in fail]
    if sort not in SORTS:
        raise unknown_name("sort order", sort, SORTS)
    with open_side(base) as before, open_side(new) as after:
        if not after.runs:
            raise UserError(f"{new} holds no records: run 'python -m bench run' first")
        changes = find_changes(before, after) if before.runs else []
    gate_results = apply_gates(changes, gates) if changes else GateResults([], [])
    shown = arrange(changes, sort, only_changed)
    if as_json:
        print(json.dumps({"base": base, "new": new, "changes": to_json(shown), **vars(gate_results)}))
    elif not changes:
        print(f"{base} holds no records yet: nothing to compare with")
    else:
        print(table(shown), LEGEND, sep="\n\n")
        for line in gate_results.regressions:
            print(f"regression: {line}")
    for line in gate_results.warnings:
        say(f"warning: {line}")
    return max(report_problems(before.problems + after.problems), 1 if gate_results.regressions else 0)
