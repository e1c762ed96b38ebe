import subprocess
import sys
from pathlib import Path

from bench.runner.locks import one_at_a_time


def test_of_a_trial_that_another_call_gave_up_the_lock_is_free(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from bench.runner.locks import one_at_a_time\n"
        "with one_at_a_time(Path(sys.argv[1]), Path(sys.argv[2]), 'work', print):\n"
        "    print('in', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, tmp_path, tmp_path / "r"], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "in\n"
    waited = []
    with one_at_a_time(tmp_path, tmp_path / "other", "work", lambda: waited.append("other results")):
        pass

    def kill() -> None:
        waited.append("same results")
        holder.kill()

    with one_at_a_time(tmp_path, tmp_path / "r", "work", kill):
        assert waited == ["same results"]
    holder.communicate()
