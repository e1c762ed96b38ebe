import pytest

from bench.records.machines import Machine, System, disambiguated, shared_names
from bench.records.schema import disambiguate
from tests.support.factories import make_run

EPYC = System(
    cpu_model="AMD EPYC",
    cpu_vendor="AuthenticAMD",
    cpu_family=25,
    cpu_model_number=17,
    cpu_stepping=1,
    instruction_set="AVX512",
    logical_cpus=2,
    l3_bytes=32 * 2**20,
)


def box(number: int, system: System | None = EPYC, slug: str = "amd-epyc-2cpu") -> Machine:
    return Machine(slug=slug, id=f"{number:08x}", system=system)


def test_boxes_of_one_kind_are_one_system_and_are_called_alike() -> None:
    assert box(1).system_id == box(2).system_id
    assert box(1).label == box(2).label == "amd-epyc-2cpu-avx512"
    assert box(1 << 16).name != box(2 << 16).name


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("cpu_vendor", "GenuineIntel"),
        ("cpu_family", 26),
        ("cpu_model_number", 1),
        ("cpu_stepping", 2),
        ("instruction_set", "AVX2"),
        ("logical_cpus", 4),
        ("l3_bytes", 16 * 2**20),
        ("l3_bytes", None),
        ("gpu_model", "NVIDIA H100"),
    ],
)
def test_every_fact_makes_another_system_with_a_label_of_its_own(fact: str, value: object) -> None:
    other = box(2, EPYC.model_copy(update={fact: value}))
    assert other.system_id != box(1).system_id
    shown = disambiguated([box(1), other, box(3)])
    assert shown[box(1)].label == shown[box(3)].label != shown[other].label


def test_a_machine_of_which_only_the_name_is_known_is_a_system_of_its_own() -> None:
    first, second = box(0x10000, None), box(0x20000, None)
    assert first.system_id != second.system_id != box(0x10000).system_id
    assert [first.label, second.label] == ["amd-epyc-2cpu-0001", "amd-epyc-2cpu-0002"]


def test_namesakes_of_unknown_systems_are_told_apart_by_their_whole_ids() -> None:
    namesakes = [box(0x10001, None), box(0x10002, None)]
    shown = disambiguated(namesakes)
    assert [shown[machine].label for machine in namesakes] == ["amd-epyc-2cpu-00010001", "amd-epyc-2cpu-00010002"]
    assert shared_names(namesakes) == {"amd-epyc-2cpu-0001": {"00010001", "00010002"}}


def test_a_system_has_one_label_whatever_folder_its_machines_were_loaded_from() -> None:
    other = box(2, EPYC.model_copy(update={"cpu_stepping": 2}))
    loaded_with_a_namesake, alone = disambiguated([box(1), other]), box(3)
    shown = disambiguated([*loaded_with_a_namesake.values(), alone])
    assert shown[loaded_with_a_namesake[box(1)]].label == shown[alone].label
    assert len({machine.label for machine in shown.values()}) == 2


def test_records_keep_their_folders_when_their_labels_change() -> None:
    records = [make_run(machine=box(1)), make_run(machine=box(2, EPYC.model_copy(update={"cpu_stepping": 2})))]
    shown = disambiguate(records)
    assert [run.machine.name for run in shown] == [run.machine.name for run in records]
    assert len({run.machine.label for run in shown}) == 2
    assert disambiguate(records[:1]) == records[:1]


def test_a_system_in_words_names_what_is_known() -> None:
    assert EPYC.words == "AMD EPYC (family 25, model 17, stepping 1), AVX512, 2 CPUs, 32 MiB of L3"
    assert System(cpu_model="Apple M3", instruction_set="DEFAULT", logical_cpus=1).words == "Apple M3, DEFAULT, 1 CPU"
