"""Thousands of runs: loaded, validated, rendered and compared in time and in memory.

``pytest -s`` prints what the table in docs/scale.md holds; with ``SCALE_CONDITIONS=40`` before it there are 40,000.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.records.storage import save_run
from tests.conftest import ROOT
from tests.support.factories import make_predictions, make_run

MODELS, SEEDS = 40, 25
MANY = int(os.environ.get("SCALE_CONDITIONS", "10"))
"""Conditions of a thousand runs each."""
RENDER = """
from bench.report import render
rendered = render(Path(sys.argv[1]))
counts = {"page_bytes": rendered.html.stat().st_size, "problems": len(rendered.problems)}
"""
COMPARE = """
from bench.analysis.compare import apply_gates, find_changes, open_side, parse_gate, table
with open_side(sys.argv[1]) as before, open_side(sys.argv[2]) as after:
    changes = find_changes(before, after)
apply_gates(changes, [parse_gate("test_accuracy:50pp")])
counts = {
    "problems": len(before.problems + after.problems), "runs": len(before.runs), "characters": len(table(changes)),
    "tested": sum(change.p_value == change.p_value for change in changes),
}
"""
MEASURED = """
import json, re, resource, sys
from pathlib import Path
{work}
used = resource.getrusage(resource.RUSAGE_SELF)
status = Path("/proc/self/status")  # where there is none: what the process that began this one used counts too
peak = re.search(r"VmHWM:\\s*(\\d+)", status.read_text()) if status.exists() else None
used_bytes = 1024 * (int(peak[1]) if peak else used.ru_maxrss)
print(json.dumps(counts | {{"seconds": used.ru_utime + used.ru_stime, "bytes": used_bytes}}))
"""


def save_runs(results: Path, hour: int = 0) -> None:
    """A thousand runs of one condition, each right on other images; another hour, other accuracies and images."""
    random = np.random.default_rng(hour)
    for model in range(MODELS):
        for seed in range(SEEDS):
            accuracy = round(0.9 + 0.09 * model / MODELS + float(random.normal(0, 0.001)), 4)
            run = make_run(f"model{model:02d}", seed, accuracy, 1 + model / 10, later=3600 * hour)
            luck = (hour * MODELS + model) * SEEDS + seed
            save_run(results, run, make_predictions(accuracy, seed=luck), b"")


def copy_runs(results: Path, condition: int) -> None:
    """The same thousand under another condition, file by file, since making predictions takes most of the time."""
    for path in list(results.rglob("*000.json")):
        record = json.loads(path.read_text())
        record["trial"]["train_size"] -= condition
        record["trial_id"] = f"{condition:03x}{record['trial_id'][3:]}"
        stem = f"{path.stem}-{condition}"
        source = path.with_name(record["artifacts"]["predictions"])
        record["artifacts"]["predictions"] = f"{stem}.npz"
        shutil.copy(source, path.with_name(f"{stem}.npz"))
        path.with_name(f"{stem}.json").write_text(json.dumps(record))


def measured(work: str, *folders: Path) -> dict[str, float]:
    """Done in a process of its own; CPU seconds, so that other programs do not count."""
    line = [sys.executable, "-c", MEASURED.format(work=work), *folders]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.alone
@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param(3, marks=pytest.mark.slow),
        pytest.param(MANY, marks=[pytest.mark.soak, pytest.mark.timeout(90 * MANY)]),
    ],
)
def test_thousands_of_runs_are_rendered_and_compared_in_time(tmp_path: Path, conditions: int) -> None:
    base, new = tmp_path / "base", tmp_path / "new"
    for hour, folder in enumerate((base, new)):
        save_runs(folder, hour)
    thousand, small = measured(RENDER, base), measured(COMPARE, base, new)
    assert thousand["problems"] == small["problems"] == 0
    assert thousand["seconds"] < 10
    assert thousand["page_bytes"] < 2e6
    for condition in range(1, conditions):
        copy_runs(base, condition)
        copy_runs(new, condition)
    many, compared = measured(RENDER, base), measured(COMPARE, base, new)
    assert many["problems"] == compared["problems"] == 0
    assert many["seconds"] < 6 * conditions
    assert many["bytes"] < 3e8 + 7e7 * conditions
    assert many["page_bytes"] < 2.5e6 + 3.5e5 * conditions
    assert compared["runs"] == MODELS * SEEDS * conditions
    assert compared["tested"] >= 2 * MODELS * conditions, "accuracies and times of every model in every condition"
    assert compared["seconds"] < 3 * conditions
    assert compared["bytes"] < 1e8 * conditions
    print(thousand, many, small, compared, sep="\n")
