from bench.runner.session import Throttled


def test_the_report_between_rounds_takes_a_tenth_of_the_time() -> None:
    clock, rendered = [0.0], []

    def render() -> None:
        rendered.append(clock[0])
        clock[0] += 2

    report = Throttled(render, now=lambda: clock[0])
    for _ in range(100):
        report()
        clock[0] += 1
    assert rendered[:3] == [0, 20, 40]
    assert 2 * len(rendered) <= 0.11 * clock[0]
