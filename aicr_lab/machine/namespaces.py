"""The lab's trees of Linux namespaces: making them, running in them, ending them.

A small C program does what Python cannot do safely from threads (``c/init.c``). Ending the init
of a namespace ends everything in it: processes, mounts and network.
"""

import contextlib
import ctypes
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aicr_lab.errors import LabError
from aicr_lab.state import ProcessId, read_json

_CLONE_NEWNET = 0x40000000
_PIDFD_SEND_SIGNAL, _PIDFD_OPEN = 424, 434
"""Numbers of system calls, the same on every architecture."""


def start_time(pid: int) -> int | None:
    """Start of a living process in clock ticks after boot; ``None`` for none or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command name may hold spaces and parentheses: fields count from the last one.
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def alive(process: ProcessId | None) -> bool:
    """Whether exactly this process still runs."""
    return process is not None and start_time(process.pid) == process.start_time


def send_signal(process: ProcessId, number: signal.Signals) -> bool:
    """Signals exactly this process; false when it is gone.

    A pidfd first, then the look at the start time: the pid cannot change hands in between.
    """
    try:
        descriptor = _pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if not alive(process):
            return False
        _call(_PIDFD_SEND_SIGNAL, descriptor, number, None, 0)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


def await_end(process: ProcessId, timeout: float) -> bool:
    """Wait for the end of a process; false when it still runs after so many seconds."""
    try:
        descriptor = _pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        if not alive(process):
            return True
        return bool(select.select([descriptor], [], [], timeout)[0])
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespaces:
    """One set of namespaces: the lab's own, or those of a node inside it."""

    init: Path
    """The program ``aicr-init``."""
    record: Path
    """Where pid and start time of the namespaces' init are written."""
    cgroups: tuple[Path, ...] = ()
    """The ``cgroup.procs`` files that every process in here joins."""
    cgroup_roots: tuple[Path, ...] = ()
    """Those of the groups beyond which nothing in here sees; none: no cgroup namespace is made."""
    fenced: bool = False
    """Whether what runs in here lacks the capabilities that change the machine as a whole."""

    @property
    def process(self) -> ProcessId | None:
        """The init, alive or not; ``None`` when there never was one."""
        record = read_json(self.record)
        return ProcessId(**record) if record else None

    @property
    def exists(self) -> bool:
        """Whether the init runs."""
        return alive(self.process)

    def create(self, hostname: str, parent: "Namespaces | None" = None) -> None:
        """Make the namespaces, inside those of ``parent`` if given."""
        command = [str(self.init), "create", "--hostname", hostname, "--record", str(self.record)]
        if parent is not None:
            command += ["--parent", str(parent.pid())]
        for file in self.cgroup_roots:
            command += ["--cgroup-root", str(file)]
        done = subprocess.run(
            [*command, *self._options()], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LabError(
                f"namespaces of {hostname} cannot be made: {done.stderr.strip()}",
                hint="the lab needs root and a kernel with PID, mount, network, UTS, IPC and "
                "cgroup namespaces",
            )

    def pid(self) -> int:
        """The init's pid, once it is sure that it still is the init."""
        process = self.process
        if process is None or not alive(process):
            raise LabError(
                f"nothing runs in the namespaces of {self.record}",
                hint="python -m aicr_lab up",
            )
        return process.pid

    def spawn(
        self,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        keep: Sequence[int] = (),
    ) -> ProcessId:
        """Start a program in here and leave it running; its output goes into ``log``.

        Args:
            keep: file descriptors that the program inherits under the same numbers.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [*self._spawn_command(["--log", str(log)], keep), "--", *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=keep,
            env=env,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LabError(f"{argv[0]} cannot be started: {done.stderr.strip()}")
        pid, started = done.stdout.split()
        return ProcessId(pid=int(pid), start_time=int(started))

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,  # noqa: A002  (the name that subprocess.run has)
        env: Mapping[str, str] | None = None,
        timeout: float | None = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in here to its end; it dies with us."""
        command = [*self._spawn_command(["--wait"], ()), "--", *argv]
        try:
            done = subprocess.run(
                command,
                input=input,
                stdin=subprocess.DEVNULL if input is None else None,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                env=env,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{argv[0]} has not ended after {timeout:.0f} s") from error
        if check and done.returncode:
            shown = " ".join(argv) if len(argv) < 12 else f"{argv[0]} …"
            output = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise LabError(f"{shown}: exit status {done.returncode}: {output}")
        return done

    def replace_us(self, argv: Sequence[str]) -> int:
        """Run a program in here on our own terminal and give its exit status."""
        command = [*self._spawn_command(["--wait"], ()), "--", *argv]
        return subprocess.run(command, check=False).returncode

    def kill(self, timeout: float = 10) -> None:
        """End the init and with it everything in here."""
        process = self.process
        if process is None:
            return
        send_signal(process, signal.SIGKILL)
        if not await_end(process, timeout):
            raise LabError(f"process {process.pid} of {self.record} does not end")
        # The host's init collects it a moment later; one that never does is not our concern.
        wait_until(lambda: not Path(f"/proc/{process.pid}").exists(), 1.0)

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Make the calling thread a user of this network; sockets opened meanwhile stay in it."""
        own, other = Path("/proc/thread-self/ns/net"), Path(f"/proc/{self.pid()}/ns/net")
        with own.open() as ours, other.open() as there:
            _set_network(there.fileno())
            try:
                yield
            finally:
                _set_network(ours.fileno())

    def dial(self, host: str, port: int, timeout: float) -> socket.socket:
        """A TCP connection that is made from in here."""
        with self.network():
            return socket.create_connection((host, port), timeout=timeout)

    def _spawn_command(self, options: Sequence[str], keep: Sequence[int]) -> list[str]:
        command = [str(self.init), "spawn", "--target", str(self.pid()), *options]
        for descriptor in keep:
            command += ["--keep-fd", str(descriptor)]
        return command + self._options()

    def _options(self) -> list[str]:
        groups = [word for file in self.cgroups for word in ("--cgroup", str(file))]
        return [*groups, "--fence"] if self.fenced else groups


def _pidfd_open(pid: int) -> int:
    return _call(_PIDFD_OPEN, pid, 0)


def _call(number: int, *arguments: int | None) -> int:
    """What a system call gives that not every Python has: those of uv are built for older Linuxes.

    Raises:
        OSError: of the kind that ``os`` would raise.
    """
    answer: int = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def _set_network(descriptor: int) -> None:
    # os.setns exists from Python 3.12 on; network namespaces are per thread, so this is safe.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        error = ctypes.get_errno()
        raise LabError(f"cannot enter a network of the lab: {os.strerror(error)}")


def wait_until(look: Callable[[], bool], timeout: float, *, every: float = 0.05) -> bool:
    """Asks until the answer is yes or the seconds are over; one last look at the end."""
    deadline = time.monotonic() + timeout
    while not look():
        if time.monotonic() >= deadline:
            return look()
        time.sleep(every)
    return True
