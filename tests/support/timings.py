"""Hand-written records of timing rounds."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from bench.records.machines import Machine
from bench.records.schema import Git
from bench.records.surroundings import Surroundings
from bench.records.timing import Round, TimedModel, TimingRecord, timing_id
from tests.support.factories import DATA, MACHINE, START, make_trial


def make_timing(
    image_us: Mapping[str, Sequence[float]],
    later: float = 0.0,
    machine: Machine = MACHINE,
    keys: Mapping[str, str] = MappingProxyType({}),
    other_cpu_share: float = 0.0,
    **trial_changes: Any,
) -> TimingRecord:
    """Rounds in turn of models by name, each given as microseconds per image; ``later`` in seconds."""
    trials = {model: make_trial(model=model, **trial_changes) for model in image_us}
    return TimingRecord(
        started_at=START + timedelta(seconds=later),
        machine=machine,
        device=trial_changes.get("device", "cpu"),
        threads=2,
        seconds=1.0,
        git=Git(commit="c0ffee" + "0" * 34, dirty=False),
        environment={"torch": "2.15.0"},
        surroundings=Surroundings(other_cpu_share=other_cpu_share),
        precision="fp32",
        data=DATA,
        models=[
            TimedModel(
                trial=trial,
                timing_id=timing_id(trial, DATA),
                key=keys.get(model, "0" * 16),
                rounds=[Round(images=1000, seconds=1e-3 * each) for each in image_us[model]],
            )
            for model, trial in trials.items()
        ],
    )
