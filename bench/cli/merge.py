"""The command ``merge``: several results folders into one."""

import json
from collections.abc import Sequence
from pathlib import Path

from bench.common.errors import say
from bench.records.merge.copy import merge_into
from bench.report import render
from bench.runner.progress.summary import report_problems


def merge_folders(folders: Sequence[Path], results: Path, keep: str, as_json: bool) -> int:
    """Copy the records of ``folders`` into ``results``, render the report and say what was done; gives the exit code.

    Raises:
        UserError: see :func:`bench.records.merge.copy.merge_into`.
    """
    merged = merge_into(results, folders, keep)
    rendered = render(results)
    if as_json:
        print(json.dumps(merged.to_json() | {"report": str(rendered.page)}))
    else:
        print(rendered.terminal_text())
        print(merged.words)
    for folder in merged.empty:
        say(f"warning: no records in {folder}")
    for line in merged.notes:
        say(f"warning: {line}")
    for line in merged.conflicts:
        say(f"error: conflict: {line}")
    return max(report_problems([*merged.problems, *rendered.problems]), 2 if merged.conflicts else 0)
