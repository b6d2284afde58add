"""The lab's components as processes: what to start, what was started, how it fares."""

import os
import signal
import socket
import ssl
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Literal

from aicr_lab import needs
from aicr_lab.errors import ComponentFailed
from aicr_lab.machine.namespaces import Namespaces, alive, await_end, send_signal
from aicr_lab.state import ProcessId, read_json, write_json

LAB = "lab"
"""Namespace of the control plane; a node's namespace has the node's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpHealth:
    """Healthy when a URL of the component answers 200."""

    port: int
    path: str = "/healthz"
    host: str = "127.0.0.1"
    tls: bool = True
    """Certificates are not verified: this asks for life, not for identity."""

    def look(self, namespaces: Namespaces) -> str:
        """Empty when healthy, else what was seen."""
        try:
            sock = namespaces.dial(self.host, self.port, timeout=2)
        except OSError as error:
            return str(error)
        with warnings.catch_warnings():
            # Where the other side resets during the handshake, ssl leaves its own socket open.
            warnings.simplefilter("ignore", ResourceWarning)
            return self._ask(sock)

    def _ask(self, sock: socket.socket) -> str:
        context = ssl._create_unverified_context()
        connection = HTTPConnection(self.host, self.port, timeout=2)
        try:
            connection.sock = context.wrap_socket(sock) if self.tls else sock
            connection.request("GET", self.path)
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()
            sock.close()
        return "" if status == 200 else f"{self.path} answers {status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A component to start."""

    name: str
    """Unique in the lab, e.g. ``etcd`` or ``kubelet@node-0``."""
    argv: tuple[str, ...]
    namespace: str
    """``lab`` or the name of a node."""
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to a small fixed environment; nothing of the caller's is inherited."""
    health: HttpHealth | None = None
    """How to ask after it; ``None``: it is well while it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentStatus:
    """How a component fares."""

    name: str
    namespace: str
    pid: int
    """As the host sees it."""
    uptime: float
    """Seconds; 0 when it does not run."""
    rss: int
    """Bytes of resident memory."""
    health: Literal["ok", "unhealthy", "paused", "dead"]
    detail: str
    """What was seen where it is not ``ok``."""
    log: Path


class ProcessTable:
    """The components of one lab, each with a record on disk; any process can work with it."""

    def __init__(self, directory: Path, namespaces: Mapping[str, Namespaces]) -> None:
        self._directory = directory
        self._namespaces = namespaces

    def start(
        self, process: Process, *, extra_args: Sequence[str] = (), keep: Sequence[int] = ()
    ) -> ProcessId:
        """Start a component and record it.

        Args:
            extra_args: added for this start only; not part of the record.
            keep: file descriptors that the component inherits.
        """
        started = self._namespaces[process.namespace].spawn(
            [*process.argv, *extra_args],
            log=process.log,
            env={"PATH": needs.PATH, "HOME": "/", "LANG": "C.UTF-8", **process.env},
            keep=keep,
        )
        write_json(
            self._directory / f"{process.name}.json",
            {
                "name": process.name,
                "argv": process.argv,
                "namespace": process.namespace,
                "log": str(process.log),
                "env": dict(process.env),
                "health": _health_to_json(process.health),
                "pid": started.pid,
                "start_time": started.start_time,
            },
        )
        return started

    def names(self) -> list[str]:
        """Names of all recorded components."""
        return sorted(path.stem for path in self._directory.glob("*.json"))

    def process(self, name: str) -> Process | None:
        """The component as it was started last."""
        record = read_json(self._directory / f"{name}.json")
        if record is None:
            return None
        return Process(
            name=record["name"],
            argv=tuple(record["argv"]),
            namespace=record["namespace"],
            log=Path(record["log"]),
            env=record["env"],
            health=HttpHealth(**record["health"]) if record["health"] else None,
        )

    def id(self, name: str) -> ProcessId | None:
        """Pid and start time of a component, running or not."""
        record = read_json(self._directory / f"{name}.json")
        if record is None:
            return None
        return ProcessId(pid=record["pid"], start_time=record["start_time"])

    def alive(self, name: str) -> bool:
        """Whether a component runs."""
        return alive(self.id(name))

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Signals a component; false when it does not run."""
        process = self.id(name)
        return process is not None and send_signal(process, number)

    def stop(self, name: str, grace: float = 2.0) -> None:
        """End a component: TERM, and KILL after ``grace`` seconds. Keep its record."""
        process = self.id(name)
        if process is None:
            return
        # A stopped process does not see TERM before it goes on.
        send_signal(process, signal.SIGTERM)
        send_signal(process, signal.SIGCONT)
        if not await_end(process, grace):
            send_signal(process, signal.SIGKILL)
            await_end(process, 5)

    def forget(self, name: str) -> None:
        """Drop the record of a component that has ended."""
        (self._directory / f"{name}.json").unlink(missing_ok=True)

    def health(self, name: str) -> str:
        """Empty when a component is well, else what was seen."""
        process = self.process(name)
        if process is None:
            return "never started"
        if not self.alive(name):
            return "does not run"
        if process.health is None:
            return ""
        return process.health.look(self._namespaces[process.namespace])

    def await_healthy(self, name: str, timeout: float) -> None:
        """Wait until a component is well; an error with its log when it dies or takes longer."""
        process = self.process(name)
        log = process.log if process else self._directory / name
        deadline = time.monotonic() + timeout
        while seen := self.health(name):
            if not self.alive(name):
                raise ComponentFailed(name, "died during start", log)
            if time.monotonic() > deadline:
                raise ComponentFailed(name, f"is not healthy after {timeout:.0f} s ({seen})", log)
            time.sleep(0.05)

    def status(self) -> list[ComponentStatus]:
        """How every component fares."""
        known = ((self.process(name), self.id(name)) for name in self.names())
        # A record may go while they are read.
        return [self._status(process, pid) for process, pid in known if process and pid]

    def _status(self, process: Process, known: ProcessId) -> ComponentStatus:
        health: Literal["ok", "unhealthy", "paused", "dead"] = "ok"
        detail = ""
        running = alive(known)
        if not running:
            health = "dead"
        elif _state(known.pid) == "T":
            # Asking it would wait for the time-out.
            health, detail = "paused", "stopped by a signal"
        elif detail := self.health(process.name):
            health = "unhealthy"
        return ComponentStatus(
            name=process.name,
            namespace=process.namespace,
            pid=known.pid,
            uptime=_uptime(known) if running else 0.0,
            rss=_rss(known.pid) if running else 0,
            health=health,
            detail=detail,
            log=process.log,
        )


def _health_to_json(health: HttpHealth | None) -> dict[str, object] | None:
    if health is None:
        return None
    return {"port": health.port, "path": health.path, "host": health.host, "tls": health.tls}


def _uptime(process: ProcessId) -> float:
    ticks = os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - process.start_time / ticks


def _state(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat[stat.rindex(")") + 2]


def _rss(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
