"""A thousand and ten thousand runs: the report is rendered in time, in memory, and stays a page that opens."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.storage import save_run
from tests.conftest import ROOT
from tests.factories import make_predictions, make_run

MODELS, SEEDS = 40, 25
MEASURED = """
import json, resource, sys
from pathlib import Path
from bench.report import render
rendered = render(Path(sys.argv[1]))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "seconds": used.ru_utime + used.ru_stime, "bytes": used.ru_maxrss * 1024,
    "page_bytes": rendered.html.stat().st_size, "problems": len(rendered.problems),
}))
"""


def save_runs(results: Path, condition: int) -> None:
    """A thousand runs, each right on other images, under a condition of their own."""
    random = np.random.default_rng(condition)
    for model in range(MODELS):
        for seed in range(SEEDS):
            accuracy = round(0.9 + 0.09 * model / MODELS + float(random.normal(0, 0.001)), 4)
            name, later = f"model{model:02d}", float(condition)
            run = make_run(name, seed, accuracy, 1 + model / 10, later=later, train_size=60_000 - condition)
            save_run(results, run, make_predictions(accuracy, seed=model * SEEDS + seed), b"")


def copy_runs(results: Path, condition: int) -> None:
    """The same thousand under another condition, file by file, since making predictions takes most of the time."""
    for path in list(results.rglob("*T030405000.json")):
        record = json.loads(path.read_text())
        record["trial"]["train_size"] -= condition
        record["trial_id"] = f"{condition:03x}{record['trial_id'][3:]}"
        stem = f"{path.stem}-{condition}"
        source = path.with_name(record["artifacts"]["predictions"])
        record["artifacts"]["predictions"] = f"{stem}.npz"
        shutil.copy(source, path.with_name(f"{stem}.npz"))
        path.with_name(f"{stem}.json").write_text(json.dumps(record))


def measured(results: Path) -> dict[str, float]:
    """Rendered in a process of its own; CPU seconds, so that other programs do not count."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, results], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_runs_in_ten_seconds_and_ten_thousand_in_sixty(tmp_path: Path) -> None:
    save_runs(tmp_path, 0)
    thousand = measured(tmp_path)
    assert thousand["problems"] == 0
    assert thousand["seconds"] < 10
    assert thousand["page_bytes"] < 2e6
    for condition in range(1, 10):
        copy_runs(tmp_path, condition)
    many = measured(tmp_path)
    assert many["problems"] == 0
    assert many["seconds"] < 60
    assert many["bytes"] < 1.5e9
    assert many["page_bytes"] < 6e6
    print(thousand, many)
