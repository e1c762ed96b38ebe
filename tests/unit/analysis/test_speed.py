"""Speeds from timing rounds: whose rounds count, and what is said of them."""

import pytest

from bench.analysis.groups import group_by_condition
from bench.analysis.speed import collect_speeds, compare_speeds, speed_key
from bench.records.machines import Machine, System
from tests.support.factories import MACHINE, make_run
from tests.support.timings import make_timing

EPYC = System(cpu_model="AMD EPYC", instruction_set="AVX512", logical_cpus=2)
BOXES = [Machine(slug="amd-epyc-2cpu", id=f"{number}000beef", system=EPYC) for number in range(2)]
STEADY = {"cnn": [100.0] * 8, "mlp": [10.0] * 8}


def test_the_fastest_quarter_is_the_speed_and_the_median_stands_beside_it() -> None:
    (speed,) = collect_speeds([make_timing({"cnn": [100.0, 110, 120, 130, 140]})]).values()
    assert speed.images_per_s == pytest.approx(1e6 / 110)
    assert speed.median_images_per_s == pytest.approx(1e6 / 120)


def test_rounds_of_the_code_before_do_not_count() -> None:
    before = make_timing({"cnn": [200.0] * 8, "mlp": [10.0] * 8}, keys={"cnn": "a" * 16})
    after = make_timing(STEADY, later=60, keys={"cnn": "b" * 16})
    speeds = collect_speeds([after, before])
    cnn, mlp = (speeds[speed_key(make_run(model))] for model in STEADY)
    assert cnn.all_image_s == pytest.approx([100e-6] * 8)
    assert len(mlp.all_image_s) == 16
    assert cnn.ratio_to(mlp).rounds == 8, "of the MLP's rounds those beside the CNN's"


def test_another_device_number_of_images_or_system_has_speeds_of_its_own() -> None:
    records = [
        make_timing(STEADY),
        make_timing(STEADY, device="cuda"),
        make_timing(STEADY, train_size=20_000),
        make_timing(STEADY, machine=BOXES[0]),
    ]
    assert len(collect_speeds(records)) == 8
    assert speed_key(make_run("cnn", 5, epochs=10)) == speed_key(make_run("cnn", 0, epochs=2))


def test_boxes_of_a_kind_pool_and_a_ratio_never_mixes_them() -> None:
    records = [
        make_timing({"cnn": [100.0] * 8, "mlp": [10.0] * 8}, machine=BOXES[0]),
        make_timing({"cnn": [200.0] * 8, "mlp": [20.0] * 8}, machine=BOXES[1], later=60),
    ]
    speeds = collect_speeds(records)
    cnn, mlp = (speeds[speed_key(make_run(model, machine=BOXES[0]))] for model in STEADY)
    assert cnn.by_machine == pytest.approx({BOXES[0].id: 1e4, BOXES[1].id: 5e3})
    ratio = cnn.ratio_to(mlp)
    assert (ratio.median, ratio.low, ratio.high) == (pytest.approx(10),) * 3


def test_models_that_never_shared_a_round_have_no_ratio() -> None:
    speeds = collect_speeds([make_timing({"cnn": [100.0] * 8}), make_timing({"mlp": [10.0] * 8}, later=60)])
    timed = [(model, speeds[speed_key(make_run(model))]) for model in STEADY]
    assert compare_speeds(timed, "here", 45) == []


def test_a_model_that_dropped_out_is_compared_over_the_rounds_that_it_has() -> None:
    speeds = collect_speeds([make_timing({"cnn": [100.0] * 6, "mlp": [10.0] * 8})])
    cnn, mlp = (speeds[speed_key(make_run(model))] for model in STEADY)
    assert cnn.ratio_to(mlp).rounds == 6


@pytest.mark.parametrize(
    ("image_us", "words"),
    [
        ({"mlp": [10.0] * 8, "cnn": [126.0] * 8}, "cnn takes 12.6 times as long as mlp [12.6, 12.6]"),
        ({"mlp": [10, 11, 10, 9.9, 10.1] * 3, "cnn": [10.1, 10.9, 9.9, 10, 10] * 3}, "cannot tell which is faster"),
        ({"mlp": [10.0] * 3, "cnn": [126.0] * 3}, "cnn, mlp: too few rounds in common"),
    ],
)
def test_a_pair_in_words(image_us: dict[str, list[float]], words: str) -> None:
    speeds = collect_speeds([make_timing(image_us)])
    timed = [(model, speeds[speed_key(make_run(model))]) for model in image_us]
    (pair,) = compare_speeds(timed, "here", 45)
    assert words in pair.words


def test_a_time_is_unsteady_for_a_reason_and_without_one_it_is_not() -> None:
    def group_of(**changes: object) -> str:
        image_us = changes.pop("image_us", STEADY)
        speeds = collect_speeds([make_timing(image_us, **changes)])  # type: ignore[arg-type]
        (comparison,) = group_by_condition([make_run("cnn")], speeds)
        return comparison.groups[0].unsteady

    assert group_of() == ""
    half_slow = [100.0, 190.0] * 8
    assert group_of(image_us={"cnn": half_slow}) == "the quartiles of the rounds are 62 % of the median apart"
    assert group_of(other_cpu_share=0.3) == "other programs took up to 30 % of the CPU time"


def test_a_ratio_can_be_tight_where_both_times_are_unsteady() -> None:
    slow = [1.0, 1.9] * 8
    speeds = collect_speeds([make_timing({"cnn": [100 * by for by in slow], "mlp": [10 * by for by in slow]})])
    comparison = group_by_condition([make_run("cnn"), make_run("mlp")], speeds)[0]
    assert all(group.unsteady for group in comparison.groups)
    (pair,) = compare_speeds([(group.model, group.timed) for group in comparison.groups if group.timed], "here", 45)
    assert pair.words == "cnn takes 10 times as long as mlp [10, 10]"


def test_without_rounds_the_epochs_of_trials_are_the_speed() -> None:
    (comparison,) = group_by_condition([make_run("cnn", epoch_s=8.0)])
    (group,) = comparison.groups
    assert (group.timed, group.epoch_s, group.images_per_s) == (None, 8.0, 7500.0)
    assert MACHINE.label in group.location


def test_of_many_pairs_those_with_the_first_model_are_compared() -> None:
    image_us = {model: [10.0 * number] * 8 for number, model in enumerate(("cnn", "mlp", "softmax", "tiny"), 1)}
    speeds = collect_speeds([make_timing(image_us)])
    timed = [(model, speeds[speed_key(make_run(model))]) for model in image_us]
    assert len(compare_speeds(timed, "here", 6)) == 6
    assert [(pair.first, pair.second) for pair in compare_speeds(timed, "here", 5)] == [
        ("mlp", "cnn"),
        ("softmax", "cnn"),
        ("tiny", "cnn"),
    ]
