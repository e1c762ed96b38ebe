"""Two real pytest processes in turn, with the benchmarks of small projects that do what they should not."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from bench.common.errors import UserError
from bench.tracking import turns
from bench.tracking.pytest_process import written_by_pytest
from bench.tracking.turns import Measured, Source, measure_in_turn, open_sides

Project = Callable[[str, str], Source]

WORK = "import time\ndef work():\n    time.sleep(0.005)\n"
BENCHMARK = f"{WORK}def test_one(benchmark):\n    benchmark.pedantic(work, rounds=3)\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A checkout with these benchmarks."""

    def make(label: str, benchmarks: str) -> Source:
        checkout = tmp_path / label
        for package in ("bench", "models", "tests", "tests/benchmarks"):
            (checkout / package).mkdir(parents=True)
            (checkout / package / "__init__.py").touch()
        (checkout / "tests" / "benchmarks" / "test_it.py").write_text(benchmarks)
        return Source(label, checkout, label)

    return make


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_S", 0.02)
    monkeypatch.setattr(turns, "CASE_S", 0.1)


def measure(folder: Path, *sources: Source, only: str | None = None, chosen: list[str] | None = None) -> Measured:
    logs = folder / "logs"
    logs.mkdir()
    with open_sides(sources, only, folder / "storage", logs) as sides:
        measured = measure_in_turn(sides, chosen, lambda *_: None)
    assert all(side.process.poll() is not None for side in sides)
    return measured


def test_only_one_side_works_at_a_time_and_each_goes_first_as_often(tmp_path: Path, project: Project) -> None:
    log = tmp_path / "log"
    lines = (
        "import time\n"
        "def work():\n"
        f"    with open({str(log)!r}, 'a') as file:\n"
        "        file.write(f'SIDE {time.monotonic()} ')\n"
        "        time.sleep(0.03)\n"
        "        file.write(f'{time.monotonic()}\\n')\n"
        "def test_one(benchmark):\n    benchmark(work)\n"
    )
    measure(tmp_path, *(project(label, lines.replace("SIDE", label)) for label in ("before", "after")))
    calls = [line.split() for line in log.read_text().splitlines()]
    order = [(float(begin), float(end), side) for side, begin, end in calls]
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(order)), "they overlap"
    in_turn = [side for *_, side in order[-30:]]
    assert in_turn.count("before") == in_turn.count("after") == 15
    first = in_turn[::2]
    assert set(pairwise(first)) == {("before", "after"), ("after", "before")}


def test_both_sides_are_saved_by_pytest_benchmark_with_all_timings(tmp_path: Path, project: Project) -> None:
    measured = measure(tmp_path, project("before", BENCHMARK), project("after", BENCHMARK))
    assert measured == Measured(["test_one"], [], [])
    written = written_by_pytest(tmp_path / "storage")
    assert [path.name for path in written] == ["0001_before.json", "0002_after.json"]
    for path in written:
        saved = json.loads(path.read_bytes())
        (case,) = saved["benchmarks"]
        assert len(case["stats"]["data"]) == 15 * case["extra_info"]["timings_per_turn"]
        assert 0.005 < case["stats"]["median"] < 0.05
        assert not {"node", "release"} & saved["machine_info"].keys()


def test_what_only_one_side_has_or_runs_is_left_out(tmp_path: Path, project: Project) -> None:
    skipped = "import pytest\n@pytest.mark.skip\n"
    one, two, three = (BENCHMARK.replace(WORK, "").replace("one", name) for name in ("one", "two", "three"))
    before = WORK + one + two + skipped + three
    after = WORK + one.replace("one", "new") + skipped + two + three + one
    measured = measure(tmp_path, project("before", before), project("after", after))
    assert measured == Measured(["test_one"], ["test_two"], ["test_new", "test_three"])


def test_only_what_is_chosen_is_measured(tmp_path: Path, project: Project) -> None:
    both = BENCHMARK + BENCHMARK.replace("one", "two") + "def test_no_benchmark():\n    raise AssertionError\n"
    measured = measure(tmp_path, project("before", both), project("after", both), chosen=["test_two"])
    assert measured.both == ["test_two"]


def test_nothing_in_common_measures_nothing(tmp_path: Path, project: Project) -> None:
    measured = measure(tmp_path, project("before", BENCHMARK), project("after", BENCHMARK.replace("one", "two")))
    assert measured == Measured([], ["test_one"], ["test_two"])


def test_setup_and_teardown_of_a_benchmark_run_around_each_call(tmp_path: Path, project: Project) -> None:
    careful = (
        "import time\nopened = []\n"
        "def begin():\n    opened.append(1)\n    return (1,), {'b': 2}\n"
        "def end(a, b):\n    assert opened.pop() == a\n"
        "def work(a, b):\n    assert (a, b, opened) == (1, 2, [1])\n    time.sleep(0.001)\n    return 3\n"
        "def test_one(benchmark):\n"
        "    assert benchmark.pedantic(work, setup=begin, teardown=end, rounds=2) == 3\n    assert not opened\n"
    )
    assert measure(tmp_path, project("before", careful), project("after", careful)).both == ["test_one"]


FAILING = {
    "fails": ("raise ValueError", "of after did not pass (pytest's exit code 1)"),
    "dies": ("__import__('os')._exit(7)", "of after did not pass (pytest's exit code 7)"),
    "is killed": (
        "__import__('os').kill(__import__('os').getpid(), 9)",
        "of after did not pass (ended by SIGKILL)",
    ),
    "hangs": ("time.sleep(3600)", "of after hang: no turn in 10 s"),
    "leaves": ("__import__('pytest').exit('enough', 0)", "of after ended in the middle"),
}


@pytest.mark.parametrize(
    ("calls", "misdeed"), [(calls, name) for calls in (0, 12) for name in FAILING if (calls, name) != (0, "leaves")]
)
def test_a_side_that_fails_ends_both_with_one_line(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch, calls: int, misdeed: str
) -> None:
    """In the first call, and in the middle of the turns."""
    if misdeed == "hangs":
        monkeypatch.setattr(turns, "SILENT_S", 10.0)
    code, message = FAILING[misdeed]
    broken = (
        "import time\ncalls = []\n"
        f"def work():\n    calls.append(1)\n    time.sleep(0.05)\n    if len(calls) > {calls}:\n        {code}\n"
        "def test_one(benchmark):\n    benchmark(work)\n"
    )
    with pytest.raises(UserError) as error:
        measure(tmp_path, project("before", BENCHMARK), project("after", broken))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_imported_ends_both(tmp_path: Path, project: Project) -> None:
    with pytest.raises(UserError, match=r"of before did not pass \(pytest's exit code"):
        measure(tmp_path, project("before", "import no_such_module\n" + BENCHMARK), project("after", BENCHMARK))


def test_a_side_that_would_measure_the_code_of_the_other_is_refused(tmp_path: Path, project: Project) -> None:
    before, after = project("before", BENCHMARK), project("after", BENCHMARK)
    (before.checkout / "bench" / "__init__.py").unlink()
    (before.checkout / "bench").rmdir()
    with pytest.raises(UserError, match=r"before would measure the bench in .*, which is not its own"):
        measure(tmp_path, before, after)
