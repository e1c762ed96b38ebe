from bench.records.machines import Machine, System
from bench.runner.nodes import machine_of_node

HERE = System(cpu_model="AMD EPYC", cpu_family=25, instruction_set="AVX512", logical_cpus=2)
NO_AVX512 = HERE.model_copy(update={"instruction_set": "AVX2"})


def test_nodes_of_the_drivers_system_are_the_driver_and_others_keep_their_id() -> None:
    driver = Machine(slug="amd-epyc-2cpu", id="0123abcd", system=HERE)
    assert machine_of_node("amd-epyc-2cpu", HERE, driver) == driver
    other = machine_of_node("that-64cpu", HERE.model_copy(update={"logical_cpus": 64}), driver)
    assert other == machine_of_node("that-64cpu", HERE.model_copy(update={"logical_cpus": 64}), driver)
    assert other.id not in (driver.id, machine_of_node("third-8cpu", NO_AVX512, driver).id)


def test_a_node_with_the_drivers_name_but_other_instructions_is_another_machine() -> None:
    driver = Machine(slug="amd-epyc-2cpu", id="0123abcd", system=HERE)
    other = machine_of_node("amd-epyc-2cpu", NO_AVX512, driver)
    assert other.id != driver.id
    assert other.system == NO_AVX512
