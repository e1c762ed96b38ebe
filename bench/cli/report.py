"""The command ``report``: render the records again; needs no torch."""

import json
from pathlib import Path

from bench.common.errors import UserError
from bench.report import render
from bench.runner.progress.summary import report_problems


def render_again(results: Path, system: str | None, as_json: bool) -> int:
    """Render the report of a results folder and print its tables; gives the exit code.

    Raises:
        UserError: there is no such folder, it cannot be written, or no run is of that system.
    """
    if not results.is_dir():
        raise UserError(f"no results folder {results}: run 'python -m bench run' first, or name one with --results")
    rendered = render(results, system)
    if as_json:
        print(json.dumps({"report": str(rendered.page), "problems": [str(problem) for problem in rendered.problems]}))
    else:
        print(rendered.terminal_text())
    return report_problems(rendered.problems)
