import os
import signal
import threading
import time

import pytest

from bench.runner.signals import Interrupted, deferred_signals, signals_raise


def test_a_signal_waits_until_a_record_is_written_beside_other_threads_too() -> None:
    done = []
    waiting = threading.Thread(target=time.sleep, args=(0.5,))  # takes the signal from whoever masks it
    waiting.start()
    with pytest.raises(Interrupted, match="SIGHUP"), signals_raise():
        with deferred_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.1)
            done.append("written")
        done.append("never reached")
    assert done == ["written"]
    waiting.join()
