import os
import subprocess
import sys
import time

from aicr_lab.machine.namespaces import alive, await_end, send_signal, start_time, wait_until
from aicr_lab.state import ProcessId


def _sleeper() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_process_is_known_by_its_start_too() -> None:
    started = start_time(os.getpid())
    assert started is not None
    assert alive(ProcessId(pid=os.getpid(), start_time=started))
    assert not alive(ProcessId(pid=os.getpid(), start_time=started - 1))
    assert not alive(None)


def test_the_heir_of_a_pid_is_not_signalled() -> None:
    process = _sleeper()
    try:
        started = start_time(process.pid)
        assert started is not None
        assert not send_signal(ProcessId(pid=process.pid, start_time=started + 1), 9)  # type: ignore[arg-type]
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_zombie_has_ended() -> None:
    process = _sleeper()
    started = start_time(process.pid)
    assert started is not None
    known = ProcessId(pid=process.pid, start_time=started)
    assert not await_end(known, 0.05)
    process.kill()
    assert await_end(known, 5)
    assert not alive(known), "nobody has waited for it yet"
    process.wait()
    assert await_end(known, 0)


def test_waiting_looks_once_more_at_the_deadline() -> None:
    looked: list[float] = []

    def look() -> bool:
        looked.append(time.monotonic())
        return len(looked) == 2

    assert wait_until(look, 0.0)
