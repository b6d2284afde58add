"""A lab as a value: ask after it, change it, take it down; :mod:`.startup` brings it up.

All state is on disk; any number of :class:`Lab` values, in any process, mean the same lab.
"""

import contextlib
import functools
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aicr_lab.build.artifacts import CONTAINERD, KUBERNETES
from aicr_lab.build.builder import locate
from aicr_lab.errors import LabError
from aicr_lab.ground import Ground, Remains
from aicr_lab.kubernetes import containerd, network, relay
from aicr_lab.kubernetes.api import Api
from aicr_lab.kubernetes.controlplane import ControlPlane
from aicr_lab.kubernetes.node import Node
from aicr_lab.kubernetes.pki import Authority
from aicr_lab.machine import host
from aicr_lab.machine.cgroups import Cgroups, of_this_machine
from aicr_lab.machine.namespaces import Namespaces
from aicr_lab.machine.processes import LAB, ComponentStatus, Process, ProcessTable
from aicr_lab.needs import Say
from aicr_lab.options import LabOptions
from aicr_lab.state import ProcessId, boot_id, locked, read_json, state_dir, write_json

HOLDS = (
    *("bin", "control-plane", "logs", "nodes", "pki", "processes"),
    *("lab.json", "init.json", "defects.json", "*.kubeconfig"),
)
"""What a lab makes in its directory."""

RELAY = "relay"
"""The component that joins the host's port with the API server."""

_SHOWN = 10
"""Paths that an error names."""


class Lab:
    """One lab, running or not, known by its name."""

    def __init__(self, name: str = "default") -> None:
        self.name = name
        self.dir = state_dir(name)

    # What is known of it

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, for use on the host."""
        return self.dir / "admin.kubeconfig"

    @property
    def ground(self) -> Ground:
        """Its directory as something that may be taken and erased, or must not."""
        return Ground(
            directory=self.dir,
            what=f"lab {self.name}",
            way_out="AICR_LAB_HOME and --name say which directory a lab uses: name others, or see "
            f"to {self.dir} yourself",
            holds=HOLDS,
            known_of_old=_made_by_an_earlier_version,
        )

    @property
    def exists(self) -> bool:
        """Whether its namespaces exist in this boot of the machine; it may be half-way up."""
        return self._of_this_boot and self.namespaces.exists

    @property
    def running(self) -> bool:
        """Whether it came up completely and has not been ended since."""
        return bool(self._record.get("complete")) and self.exists

    @property
    def options(self) -> LabOptions:
        """What it was made with."""
        return LabOptions.from_json(self._record.get("options", {}))

    @property
    def port(self) -> int:
        """Port of its API server on the host's 127.0.0.1."""
        return int(self._record.get("port", 0))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Its nodes."""
        return tuple(self._node(index) for index in range(self.options.nodes))

    def node(self, name: str) -> Node:
        """A node by its name."""
        for node in self.nodes:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.nodes)
        raise LabError(f"lab {self.name!r} has no node {name!r}, it has {known}")

    @property
    def namespaces(self) -> Namespaces:
        """The namespaces of its control plane; those of the nodes lie in them."""
        return Namespaces(
            init=self.init,
            record=self.dir / "init.json",
            cgroups=self.cgroups.procs("control-plane"),
        )

    @property
    def init(self) -> Path:
        """The program ``aicr-init``: a copy, so that a new build does not part us from the lab."""
        return self.dir / "bin" / "aicr-init"

    @property
    def cgroups(self) -> Cgroups:
        """Its control groups."""
        return Cgroups(name=self.name, hierarchies=of_this_machine())

    @property
    def control_plane(self) -> ControlPlane:
        """The control plane's files and processes."""
        return ControlPlane(
            dir=self.dir / "control-plane",
            binary=locate(KUBERNETES, "kubernetes"),
            authority=self.authority,
            fast=self.options.fast,
            emulated=self.options.emulate,
        )

    @property
    def authority(self) -> Authority:
        """The lab's certificate authority."""
        return Authority(self.dir / "pki")

    @functools.cached_property
    def api(self) -> Api:
        """The API server, as the administrator."""
        admin = self.authority.identity("admin")
        return Api(
            port=self.port,
            ca=self.authority.certificate,
            certificate=admin.certificate,
            key=admin.key,
        )

    @property
    def processes(self) -> ProcessTable:
        """Its components."""
        namespaces = {LAB: self.namespaces}
        namespaces |= {node.name: node.namespaces for node in self.nodes}
        return ProcessTable(self.dir / "processes", namespaces)

    # Its end; how it begins stands in :mod:`.startup`

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold it while it is brought up or taken down; waits for another process that does."""
        busy = f"lab {self.name!r} is being brought up or taken down by another process; waiting"
        with locked(self._lock_file, busy=busy):
            try:
                yield
            finally:
                # Still held: who waits for it finds it gone, and makes a new one.
                # Ours is empty.
                with contextlib.suppress(FileNotFoundError):
                    if not self.dir.exists() and self._lock_file.stat().st_size == 0:
                        self._lock_file.unlink()

    def down(self, say: Say = print) -> None:
        """End it and remove everything that was its."""
        host.require_root()
        with self.locked():
            there = not self.ground.free or bool(self.cgroups.leftover())
            self.remove(say)
            say(f"lab {self.name!r} is {'down' if there else 'not there'}")

    def kill(self) -> None:
        """End all of its processes; its files stay, for whoever wants to know why."""
        if self._of_this_boot and (self.dir / "init.json").exists():
            self.namespaces.kill()
        self.cgroups.remove()

    def remove(self, say: Say) -> None:
        """End what is left of it and remove what it made, and nothing else; needs the lock."""
        if self.ground.free:
            if self.cgroups.occupied():
                raise LabError(
                    f"a lab {self.name!r} runs that keeps its state elsewhere than in {self.dir}",
                    hint="the AICR_LAB_HOME that it was started with, or another --name",
                )
            self.ground.give_up()
            self.cgroups.remove()
        else:
            self.ground.require_ours()
            if self.exists and not self.running:
                say(f"removing what is left of lab {self.name!r}")
            self.kill()
            self._tell(self.ground.erase(), say)
        self.__dict__.pop("api", None)

    # Its components

    def status(self) -> list[ComponentStatus]:
        """How every component fares."""
        return self.processes.status() if self.exists else []

    def start(self, process: Process) -> ProcessId:
        """Start a component."""
        return self.processes.start(process)

    def stop(self, name: str) -> None:
        """End a component; :meth:`restart` brings it back."""
        self._known(name)
        self.processes.stop(name)

    def restart(self, name: str, extra_args: Sequence[str] = ()) -> None:
        """End a component and start it as it was at first, plus ``extra_args`` this time."""
        process = self._known(name)
        self.processes.stop(name)
        if name == RELAY:
            self.start_relay()
        else:
            self.processes.start(process, extra_args=extra_args)

    def await_healthy(self, name: str, timeout: float = 30.0) -> None:
        """Wait until a component is well."""
        self._known(name)
        self.processes.await_healthy(name, timeout)

    def pause(self, name: str) -> None:
        """Stop a component without ending it (SIGSTOP): alive, and silent."""
        self._known(name)
        self.processes.signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Lets a paused component go on."""
        self._known(name)
        self.processes.signal(name, signal.SIGCONT)

    def start_relay(self) -> None:
        """Start the relay on the recorded port."""
        with listen(self.port) as listening:
            descriptor = listening.fileno()
            program = Path(relay.__file__)
            target = (network.BRIDGE_IP, str(network.API_PORT))
            process = Process(
                name=RELAY,
                argv=(sys.executable, "-I", "-S", str(program), str(descriptor), *target),
                namespace=LAB,
                log=self.control_plane.log(RELAY),
            )
            self.processes.start(process, keep=(descriptor,))

    def import_images(self, archive: Path) -> None:
        """Make the images of an archive known to every node."""
        mountinfo = Path("/proc/self/mountinfo").read_text()
        ctr, path = locate(CONTAINERD, "ctr"), archive.resolve()

        def into(node: Node) -> None:
            snapshotter = host.snapshotter(node.dir, mountinfo)
            containerd.import_images(node, ctr, path, snapshotter)

        with ThreadPoolExecutor() as pool:
            list(pool.map(into, self.nodes))

    def record(self, **changes: object) -> None:
        """Write down what is known of the lab as a whole."""
        write_json(self.dir / "lab.json", {**self._record, **changes})

    def _known(self, name: str) -> Process:
        process = self.processes.process(name)
        if process is None:
            known = ", ".join(self.processes.names()) or "none"
            raise LabError(f"lab {self.name!r} has no component {name!r}; it has {known}")
        return process

    def _node(self, index: int) -> Node:
        name = f"node-{index}"
        return Node(
            name=name,
            index=index,
            dir=self.dir / "nodes" / name,
            init=self.init,
            cgroups=self.cgroups,
        )

    @property
    def _record(self) -> dict[str, Any]:
        return read_json(self.dir / "lab.json") or {}

    @property
    def _of_this_boot(self) -> bool:
        # Start times count from the boot: records of another one name other processes.
        return self._record.get("boot_id") == boot_id()

    @property
    def _lock_file(self) -> Path:
        return self.dir.with_name(f".{self.name}.lock")

    def _tell(self, remains: Remains, say: Say) -> None:
        if remains.stuck:
            raise LabError(
                f"lab {self.name!r} has ended, and its files cannot all be removed:\n  "
                + "\n  ".join(remains.stuck[:_SHOWN]),
                hint="python -m aicr_lab down, once that is seen to",
            )
        for path in remains.foreign:
            say(f"{path} stays: the lab did not make it")


def _made_by_an_earlier_version(directory: Path) -> bool:
    """Labs had no mark once; their record is told by all of its keys."""
    record = directory / "lab.json"
    try:
        content = None if record.is_symlink() else read_json(record)
    except LabError:
        return False
    return content is not None and {"boot_id", "complete", "options", "port"} <= content.keys()


def listen(port: int) -> socket.socket:
    """A socket that listens on the host's 127.0.0.1; port 0 takes a free one."""
    listening = socket.socket()
    # Connections of an earlier relay may linger on the port.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise LabError(
            f"port {port} of 127.0.0.1 cannot be used: {error.strerror}",
            hint="another --port, or none: a free one is taken then",
        ) from error
    return listening
