"""``up``, step by step; what does not depend on each other goes on at the same time."""

import dataclasses
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import yaml

from aicr_lab import needs
from aicr_lab.accelerators import artifacts as accelerator_artifacts
from aicr_lab.accelerators import node as accelerators
from aicr_lab.accelerators.hooks import hooks_of
from aicr_lab.addons import images as addon_images
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.catalogue import chosen
from aicr_lab.build import artifacts, images
from aicr_lab.build.builder import Artifact, Builder, cache_dir, locate
from aicr_lab.errors import AicrLabError, ApiRefused, ComponentFailed, HostUnfit, LabError
from aicr_lab.kubernetes import containerd, kubelet, mounts, network, virtual_node
from aicr_lab.kubernetes.api import Object
from aicr_lab.kubernetes.kubeconfig import write_kubeconfig
from aicr_lab.kubernetes.node import Node
from aicr_lab.lab import Lab, listen
from aicr_lab.machine import host
from aicr_lab.needs import Say
from aicr_lab.options import LabOptions
from aicr_lab.state import boot_id

_MANIFESTS = Path(__file__).resolve().parent / "manifests"

# Cold page cache and a busy machine included; on an idle one each takes a few seconds.
_APISERVER_TIMEOUT = 90.0
_COMPONENT_TIMEOUT = 60.0
_NODE_TIMEOUT = 90.0
_ADDON_TIMEOUT = 240.0
SIMULATED = "aicr-pytest/simulated"
"""Label of the lab's nodes, by which a run through any kubeconfig knows what it looks at."""


def up(
    lab: Lab,
    options: LabOptions | None = None,
    say: Say = print,
    *,
    otherwise: LabOptions | None = None,
) -> bool:
    """Bring a lab up, or find it running; true when it was started here.

    Args:
        options: what to make it with; ``None``: whatever runs already, else ``otherwise``.
        otherwise: what to make it with where none runs; ``None``: the defaults.
    """
    host.require_root()
    with lab.locked():
        if lab.running:
            _keep(lab, options, say)
            return False
        lab.remove(say)
        try:
            start(lab, options or otherwise or LabOptions(), say)
        except BaseException:
            # Logs stay for whoever wants to know why; the next ``up`` or ``down`` removes them.
            lab.kill()
            raise
        return True


def build(addons: Iterable[str], say: Say) -> None:
    """Build what a lab with these add-ons is made of, as far as it is not built yet.

    A wrong name is refused before anything is built: it must not cost half an hour.
    """
    Builder().ensure(artifacts_of(addons), say)


def artifacts_of(addons: Iterable[str]) -> list[Artifact]:
    """What a lab with these add-ons is made of, in the order in which it is built."""
    of_addons = [artifact for addon in chosen(addons) for artifact in addon.artifacts]
    return [*artifacts.ARTIFACTS, *accelerator_artifacts.ARTIFACTS, *of_addons]


def _keep(lab: Lab, options: LabOptions | None, say: Say) -> None:
    """Check that a lab runs as wanted, and start dead components again."""
    if options is not None and options != lab.options:
        raise LabError(
            f"lab {lab.name!r} runs with other options: {lab.options.command_line()}",
            hint="python -m aicr_lab down, or another --name",
        )
    for name in lab.processes.names():
        if not lab.processes.alive(name):
            say(f"{name} does not run; starting it again")
            lab.restart(name)
    say(f"lab {lab.name!r} is running: {lab.kubeconfig}")


def start(lab: Lab, options: LabOptions, say: Say) -> None:
    """Bring a lab up on clean ground."""
    host.require_linux(say)
    host.require_resources(lab.dir)
    needs.ensure(needs.OF_THE_LAB, say)
    build(options.addons, say)
    _Startup(lab, options, say).run()


class _Startup:
    def __init__(self, lab: Lab, options: LabOptions, say: Say) -> None:
        self._lab = lab
        self._options = options
        self._say = say
        self._began = time.monotonic()

    def run(self) -> None:
        lab, options = self._lab, self._options
        with listen(options.port) as free:
            port = free.getsockname()[1]
        lab.ground.take()
        lab.init.parent.mkdir()
        shutil.copy2(locate(artifacts.INIT), lab.init)
        lab.record(
            options=dataclasses.asdict(options), boot_id=boot_id(), port=port, complete=False
        )
        self._say(f"starting lab {lab.name!r} ({options.nodes} nodes)")
        # Tasks wait for each other, so all of them must have a thread.
        with ThreadPoolExecutor(max_workers=64, thread_name_prefix="up") as pool:
            archive = pool.submit(self._images)
            self._begin_control_plane()
            self._begin_nodes()
            runtimes = [pool.submit(self._start_runtime, node, archive) for node in lab.nodes]
            self._finish_control_plane()
            self._apply_manifests()
            if self._options.virtual_node:
                lab.start(virtual_node.process(lab.control_plane))
            coming = self._begin_addons(pool, runtimes)
            joined = [
                pool.submit(self._join, node, runtime)
                for node, runtime in zip(lab.nodes, runtimes, strict=True)
            ]
            for future in joined:
                future.result()
            self._await("cluster DNS", self._dns_missing, _NODE_TIMEOUT)
            for future in coming:
                future.result()
        lab.record(complete=True)
        self._say(f"lab {lab.name!r} is up: {lab.kubeconfig} ({self._elapsed()})")

    # Control plane

    def _begin_control_plane(self) -> None:
        lab = self._lab
        lab.cgroups.allow_devices(mounts.device_rules(accelerators.majors()))
        lab.cgroups.create("control-plane")
        lab.namespaces.create(f"aicr-lab-{lab.name}"[:63])
        plane = lab.control_plane
        plane.dir.mkdir(parents=True)
        lab.start(plane.etcd())
        plane.write_credentials()
        write_kubeconfig(
            lab.kubeconfig,
            context=f"aicr-lab-{lab.name}",
            server=f"https://127.0.0.1:{lab.port}",
            authority=lab.authority,
            identity=lab.authority.identity("admin"),
        )
        lab.start(plane.apiserver())

    def _finish_control_plane(self) -> None:
        lab, plane = self._lab, self._lab.control_plane
        lab.start_relay()
        lab.processes.await_healthy("etcd", _COMPONENT_TIMEOUT)
        lab.processes.await_healthy("kube-apiserver", _APISERVER_TIMEOUT)
        self._say(f"API server is ready ({self._elapsed()})")
        lab.start(plane.controller_manager())
        lab.start(plane.scheduler())

    def _apply_manifests(self) -> None:
        documents: list[Object] = [
            document
            for path in sorted(_MANIFESTS.glob("*.yaml"))
            for document in yaml.safe_load_all(path.read_text())
        ]
        documents += hooks_of(self._options).manifests(self._options)
        for document in documents:
            self._await(
                f"{document['kind']} {document['metadata']['name']}",
                lambda document=document: self._not_applied(document),  # type: ignore[misc]
                20.0,
            )

    def _not_applied(self, document: Object) -> str:
        try:
            self._lab.api.apply(document)
        except ApiRefused as error:
            # Namespaces of the system appear a moment after the server is ready.
            if error.status in (404, 403, 500, 503):
                return str(error)
            raise
        return ""

    # Add-ons

    def _begin_addons(
        self, pool: ThreadPoolExecutor, runtimes: "Sequence[Future[None]]"
    ) -> "list[Future[None]]":
        installed: dict[str, Future[None]] = {}
        for addon in _by_need(chosen(self._options.addons)):
            before = (*addon.needs, *addon.after)
            needs = [installed[name] for name in before if name in installed]
            installed[addon.name] = pool.submit(self._install, addon, runtimes, needs)
        return [
            pool.submit(self._await_addon, addon, installed[addon.name])
            for addon in chosen(self._options.addons)
        ]

    def _install(
        self, addon: Addon, runtimes: "Sequence[Future[None]]", needs: "Sequence[Future[None]]"
    ) -> None:
        archive = addon_images.ensure_archive(addon, self._say)
        for future in (*runtimes, *needs):
            future.result()
        if archive is not None:
            self._lab.import_images(archive)
        addon.install(self._lab)

    def _await_addon(self, addon: Addon, installed: "Future[None]") -> None:
        installed.result()
        self._await(
            f"add-on {addon.name}", lambda: addon.missing(self._lab), _ADDON_TIMEOUT, every=1.0
        )
        self._say(f"{addon.name} is ready ({self._elapsed()})")

    # Nodes

    def _begin_nodes(self) -> None:
        lab = self._lab
        for node in lab.nodes:
            lab.cgroups.create(node.name, "system")
            # The driver's program may be there before kubelet has made its plugin directories.
            plugins = (node.kubelet_root / name for name in ("plugins", "plugins_registry"))
            for directory in (*plugins, node.cdi_dir, node.log_dir):
                directory.mkdir(parents=True, exist_ok=True)
            node.namespaces.create(node.name, lab.namespaces)
            lab.control_plane.write_node_credentials(node)
        try:
            network.set_up(lab.namespaces, lab.nodes)
        except AicrLabError as error:
            raise HostUnfit(
                f"the lab's network cannot be made: {error}",
                hint="the kernel needs bridge and veth devices",
            ) from error
        probe = lab.nodes[0].namespaces.run(["nft", "-f", "-"], check=False, input=host.NFT_PROBE)
        if probe.returncode:
            raise HostUnfit(
                f"the kernel cannot translate addresses: {probe.stderr.strip()}",
                hint="it needs nf_tables with NAT",
            )

    def _images(self) -> Path:
        workload = locate(accelerator_artifacts.WORKLOAD)
        programs = {
            "coredns": locate(artifacts.KUBERNETES, "coredns"),
            "pause": locate(artifacts.PAUSE),
            "nbody": workload,
            "/usr/local/bin/gpu-workload": workload,
            "amd-smi": locate(accelerator_artifacts.AMD_SMI),
        }
        return images.ensure_archive(cache_dir(), programs, self._say)

    def _start_runtime(self, node: Node, archive: "Future[Path]") -> None:
        mountinfo = Path("/proc/self/mountinfo").read_text()
        node.run(["/bin/sh", "-euc", mounts.script(node, self._lab.dir, mountinfo)])
        hooks_of(self._options).prepare(node, self._options)
        runtimes = {name: accelerators.runtime_binary(node, name) for name in ("runc", "nvidia")}
        snapshotter = host.snapshotter(node.dir, mountinfo)
        containerd.configure(node, runtimes, needs.cni_directories(), snapshotter)
        process = containerd.process(node, locate(artifacts.CONTAINERD, "containerd"))
        self._lab.start(process)
        self._await_containerd(node, process.log)
        ctr = locate(artifacts.CONTAINERD, "ctr")
        containerd.import_images(node, ctr, archive.result(), snapshotter)

    def _await_containerd(self, node: Node, log: Path) -> None:
        name, ctr = f"containerd@{node.name}", locate(artifacts.CONTAINERD, "ctr")
        deadline = time.monotonic() + _COMPONENT_TIMEOUT
        while not containerd.answers(node, ctr):
            if not self._lab.processes.alive(name):
                raise ComponentFailed(name, "died during start", log)
            if time.monotonic() > deadline:
                raise ComponentFailed(name, "does not answer", log)
            time.sleep(0.1)

    def _join(self, node: Node, runtime: "Future[None]") -> None:
        runtime.result()
        lab, binary = self._lab, locate(artifacts.KUBERNETES, "kubernetes")
        kubelet.configure(node, lab.authority)
        lab.start(kubelet.kubelet(node, binary, self._labels(node)))
        self._await(f"kubelet of {node.name}", lambda: _kubelet_missing(node), _NODE_TIMEOUT)
        for process in hooks_of(self._options).processes(node, self._options):
            lab.start(process)
        self._await(f"Node {node.name}", lambda: self._node_missing(node), _NODE_TIMEOUT)
        lab.start(kubelet.kube_proxy(node, binary))
        self._await(f"node {node.name} Ready", lambda: self._node_unready(node), _NODE_TIMEOUT)
        self._say(f"{node.name} is Ready ({self._elapsed()})")
        if node.gpus(self._options):
            self._await(
                f"accelerators of {node.name}", lambda: self._gpus_missing(node), _NODE_TIMEOUT
            )

    def _labels(self, node: Node) -> Mapping[str, str]:
        options = self._options
        gpus = node.gpus(options)
        size = f"{options.model}-{gpus}" if gpus else "cpu"
        labels = {"node.kubernetes.io/instance-type": f"lab-{size}", SIMULATED: "true"}
        return labels | hooks_of(options).labels(node, options)

    # What is waited for: each gives what is missing, empty when nothing is

    def _await(
        self, what: str, missing: Callable[[], str], timeout: float, *, every: float = 0.1
    ) -> None:
        """Wait until nothing is missing; a component that dies meanwhile ends the wait."""
        deadline = time.monotonic() + timeout
        while seen := missing():
            self._require_alive()
            if time.monotonic() > deadline:
                raise LabError(
                    f"{what}: not there after {timeout:.0f} s; last seen: {seen}",
                    hint=f"logs: {self._lab.dir}",
                )
            time.sleep(every)

    def _require_alive(self) -> None:
        table = self._lab.processes
        for name in table.names():
            process = table.process(name)
            if process is not None and not table.alive(name):
                raise ComponentFailed(name, "died during start", process.log)

    def _node_missing(self, node: Node) -> str:
        found = self._lab.api.find("v1", "Node", node.name)
        addresses = found and found.get("status", {}).get("addresses")
        return "" if addresses else "not registered"

    def _node_unready(self, node: Node) -> str:
        found = self._lab.api.get("v1", "Node", node.name)
        for condition in found["status"].get("conditions", []):
            if condition["type"] == "Ready":
                if condition["status"] == "True" and not _not_ready_taints(found):
                    return ""
                return str(condition.get("message") or condition["status"])
        return "no Ready condition"

    def _gpus_missing(self, node: Node) -> str:
        offered = {"device-plugin": self._counted, "dra": self._published}
        lacking = [
            f"{seen} of {wanted} devices by {mechanism}"
            for mechanism in node.mechanisms(self._options)
            for seen, wanted in [offered[mechanism](node)]
            if seen < wanted
        ]
        return ", ".join(lacking)

    def _counted(self, node: Node) -> tuple[int, int]:
        wanted = accelerators.counted(node, self._options)
        there = self._lab.api.get("v1", "Node", node.name)["status"].get("allocatable", {})
        return sum(int(there.get(name, 0)) for name in wanted), sum(wanted.values())

    def _published(self, node: Node) -> tuple[int, int]:
        slices = self._lab.api.list("resource.k8s.io/v1", "ResourceSlice")
        own = [each["spec"] for each in slices if each["spec"].get("nodeName") == node.name]
        seen = sum(len(spec.get("devices") or []) for spec in own)
        return seen, accelerators.published(node, self._options)

    def _dns_missing(self) -> str:
        found = self._lab.api.get("apps/v1", "Deployment", "coredns", "kube-system")
        return "" if found.get("status", {}).get("availableReplicas") else "no replica is available"

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._began:.1f} s"


def _by_need(addons: Iterable[Addon]) -> list[Addon]:
    """Each after those that it needs or comes after."""
    left, ordered = list(addons), list[Addon]()
    while left:
        waiting = {addon.name for addon in left}
        ready = [a for a in left if waiting.isdisjoint((*a.needs, *a.after))]
        if not ready:
            raise LabError(f"add-ons need each other: {', '.join(addon.name for addon in left)}")
        ordered += ready
        left = [addon for addon in left if addon not in ready]
    return ordered


def _kubelet_missing(node: Node) -> str:
    """NVIDIA's device plugin gives up for half a minute where this socket is not there yet."""
    there = (node.kubelet_root / "device-plugins" / "kubelet.sock").exists()
    return "" if there else "kubelet does not listen for device plugins"


def _not_ready_taints(node: Object) -> list[str]:
    taints = node["spec"].get("taints") or []
    return [taint["key"] for taint in taints if taint["key"].startswith("node.kubernetes.io/")]
