import math
from typing import Any

import pytest

from bench.analysis.condition import Condition, condition_of
from bench.analysis.groups import group_by_condition, run_flags, seconds_to
from bench.records.schema import Data, Run
from bench.records.surroundings import GpuState, Surroundings
from tests.support.factories import PROBABILITIES, flagged, make_run


def around(run: Run, **surroundings: Any) -> Run:
    return run.model_copy(update={"surroundings": Surroundings(**surroundings)})


def conditions() -> list[Condition]:
    plain = make_run()
    changed = [
        make_run(**change)
        for change in (
            {"epochs": 3},
            {"batch_size": 64},
            {"learning_rate": 0.01},
            {"optimizer": "sgd"},
            {"precision": "bf16"},
            {"train_size": 1000},
            {"pixel_order": "permuted-1"},
        )
    ]
    other_data = plain.model_copy(update={"data": Data(sha256={"t10k-images-idx3-ubyte": "1" * 64})})
    return [condition_of(run) for run in (plain, *changed, other_data)]


def test_every_condition_has_files_of_its_own() -> None:
    assert len({condition.slug for condition in conditions()}) == len(conditions())
    assert conditions()[0].slug == conditions()[0].slug


def test_the_title_says_what_differs() -> None:
    titles = [condition.title for condition in conditions()[:-1]]
    assert len(set(titles)) == len(titles)
    assert titles[0] == "mnist (60,000 images), article recipe, 2 epochs, batch 128, adam 0.001, fp32"
    assert titles[-1].endswith("pixels permuted-1")


def test_runs_on_other_data_never_share_a_table() -> None:
    other = make_run("mlp").model_copy(update={"data": Data(sha256={"t10k-images-idx3-ubyte": "1" * 64})})
    assert len(group_by_condition([make_run(), other])) == 2


def test_time_to_an_accuracy_counts_training_up_to_the_end_of_that_epoch() -> None:
    run = make_run(accuracy=0.99, epoch_s=4.0, epochs=3)  # 0.97, 0.98, 0.99
    assert [seconds_to(run, goal) for goal in (0.97, 0.975, 0.99)] == [4, 8, 12]
    assert math.isnan(seconds_to(run, 0.991))


@pytest.mark.parametrize(
    ("surroundings", "flags"),
    [
        ({}, []),
        ({"other_cpu_share": 0.05}, []),
        ({"other_cpu_share": 0.06}, ["shared"]),
        ({"gpu_before": GpuState(other_processes=0), "gpu_after": GpuState(other_processes=1)}, ["shared"]),
        ({"gpu_before": GpuState(throttled_s=2.0), "gpu_after": GpuState(throttled_s=2.0)}, []),
        ({"gpu_before": GpuState(throttled_s=2.0), "gpu_after": GpuState(throttled_s=2.5)}, ["throttled"]),
        ({"gpu_before": GpuState(), "gpu_after": GpuState(throttle_reasons=["heat"])}, ["throttled"]),
    ],
)
def test_a_disturbed_run_is_flagged(surroundings: dict[str, Any], flags: list[str]) -> None:
    assert run_flags(around(make_run(), **surroundings)) == flags


def test_a_record_of_the_first_schema_has_no_surroundings_and_no_flags() -> None:
    old = make_run().model_dump(mode="json", by_alias=True) | {"schema": 1}
    del old["surroundings"]
    assert run_flags(Run.model_validate(old)) == []


def test_epoch_times_far_apart_on_a_shared_machine_are_unsteady_for_both_reasons() -> None:
    runs = [make_run(seed=0), make_run(seed=1, epoch_s=20.0), around(make_run(seed=2), other_cpu_share=0.5)]
    (group,) = group_by_condition(runs)[0].groups
    apart = "the quartiles of the epoch times are 50 % of the median apart"
    assert group.unsteady == f"{apart}; other programs took up to 50 % of the CPU time"


@pytest.mark.parametrize(
    ("notes", "words"),
    [
        ([PROBABILITIES, PROBABILITIES, PROBABILITIES], PROBABILITIES),
        (["", PROBABILITIES, ""], f"{PROBABILITIES} (seed 1)"),
        (["", "x", "x"], "x (seed 1, 2)"),
        (["3 of 500 differ", "", "7 of 500 differ"], "3 of 500 differ (seed 0; likewise 2)"),
        (["3 of 500 differ", "4 of 500 differ", "7 of 500 differ"], "3 of 500 differ (seed 0; likewise 1, 2)"),
    ],
)
def test_a_flag_of_the_model_is_told_once_with_the_seeds_that_have_it(notes: list[str], words: str) -> None:
    runs = [flagged(make_run(seed=seed), note) if note else make_run(seed=seed) for seed, note in enumerate(notes)]
    group = group_by_condition(runs)[0].groups[0]
    assert group.model_flags == {"no_logits": words}
    assert (group.name, group.model, group.unsteady) == ("cnn†", "cnn", "")


def test_every_flag_of_a_model_is_told() -> None:
    run = flagged(flagged(flagged(make_run(), "a", "not_trained"), "b", "no_logits"), "c", "not_trained")
    group = group_by_condition([run])[0].groups[0]
    assert group.model_flags == {"not_trained": "a; c", "no_logits": "b"}
    assert group_by_condition([make_run()])[0].groups[0].name == "cnn"


def test_the_first_epoch_is_not_timed_unless_it_is_the_only_one() -> None:
    comparison = group_by_condition([make_run("cnn", epochs=3)])[0]
    assert len(comparison.groups[0].epoch_seconds) == 2
    comparison = group_by_condition([make_run("cnn", epochs=1)])[0]
    assert len(comparison.groups[0].epoch_seconds) == 1


def test_what_may_not_be_compared_stands_in_tables_of_its_own() -> None:
    runs = [make_run(), make_run("mlp"), make_run(epochs=3), make_run(precision="bf16"), make_run(batch_size=64)]
    comparisons = group_by_condition(runs)
    assert sorted(len(comparison.groups) for comparison in comparisons) == [1, 1, 1, 2]
    assert comparisons[0].condition.epochs == 3, "the longest training comes first"
