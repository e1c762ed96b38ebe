from bench.records.schema import Machine
from bench.runner.nodes import machine_of_node


def test_nodes_of_the_drivers_kind_are_the_driver_and_others_keep_their_id() -> None:
    driver = Machine(slug="this-2cpu", id="0123abcd")
    assert machine_of_node("this-2cpu", driver) == driver
    other = machine_of_node("that-64cpu", driver)
    assert other == machine_of_node("that-64cpu", driver)
    assert other.id not in (driver.id, machine_of_node("third-8cpu", driver).id)
