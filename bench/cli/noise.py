"""The command ``noise``: the same trials several times over."""

import json
from dataclasses import replace

from bench.cli.run import exit_if_interrupted
from bench.common.errors import UserError
from bench.records.storage import NOISE_FOLDER
from bench.runner.plan import Request, make_plan
from bench.runner.progress.summary import report_failures, report_problems
from bench.runner.session import run_plan


def measure_noise(request: Request, repeats: int, as_json: bool) -> int:
    """Run each requested trial ``repeats`` times, each in a process of its own, and print the noise floors.

    The records go to a folder of their own below ``request.results``. Gives the exit code.

    Raises:
        UserError: there are fewer than two repeats; and see :func:`bench.runner.plan.make_plan`.
        typer.Exit: a signal interrupted it.
    """
    if repeats < 2:
        raise UserError(f"--repeats is {repeats}: it must be at least 2, since repeats are compared with each other")
    folder = request.results / NOISE_FOLDER
    plan = make_plan(replace(request, results=folder, seeds=1, force=True, probes=[], timing_rounds=0))
    from bench.report import render  # takes seconds, which a request that is refused need not wait for

    with exit_if_interrupted(lambda: folder):
        summary = run_plan(replace(plan, trials=plan.trials * repeats), fresh_workers=True)
    rendered = render(request.results)
    print(json.dumps(rendered.noise_rows()) if as_json else rendered.noise_text())
    return max(report_problems(rendered.problems), report_failures(summary, folder))
