"""What a broken container runtime does to a container, as edits of its OCI configuration.

Run by the node's runtime wrapper (see :mod:`.runtime`) in place of runc while the node carries such
a defect: edits ``config.json`` of the bundle, then becomes runc. Because the edits come last, they
hold for every way of allocation. It runs with a bare interpreter and imports nothing of this
package.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

_VOLUME_MOUNT_ROOT = "/var/run/nvidia-container-devices/"
_MKNOD = "CAP_MKNOD"

_BAKED = ("all", "compute,utility")
"""NVIDIA_VISIBLE_DEVICES and NVIDIA_DRIVER_CAPABILITIES of the CUDA images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the edits need to know of the node; written by :mod:`.runtime`."""

    modes: list[str]
    """Active defects, in the order they are applied."""
    gpu_nodes: list[list[tuple[str, int, int]]]
    """Path, major and minor of the device nodes of GPU 0, 1, …; the first tells it."""
    uuids: list[str]
    """Of GPU 0, 1, …, as a device plugin calls them."""
    control_nodes: list[tuple[str, int, int]]
    """Path, major and minor of nvidiactl and its like."""
    mounts: list[tuple[str, str]]
    """Driver files: on the host, in the container."""
    library_dir: str
    """Where the driver's libraries lie in the container."""
    cdi_hook: str
    """That which makes the libraries known; empty: none is needed."""
    kubelet_root: str
    parts: dict[str, int] = field(default_factory=dict)
    """What a device plugin calls a part of a GPU → the GPU's number."""


class CreateFailed(Exception):
    """The container cannot be created; the message is what the runtime says."""


class Container:
    """A container about to be created, and the edits that are made to it."""

    def __init__(self, config: dict[str, Any], facts: Facts, handler: str) -> None:
        self.config = config
        self.facts = facts
        self.handler = handler
        self._linux: dict[str, Any] = config.setdefault("linux", {})

    @property
    def annotation(self) -> Callable[[str], str]:
        """Gives one of the annotations that containerd's CRI plugin sets; empty where absent."""
        annotations: dict[str, str] = self.config.get("annotations") or {}
        return lambda name: annotations.get(f"io.kubernetes.cri.{name}", "")

    @property
    def gpus(self) -> list[int]:
        """Numbers of the GPUs that this container has been given."""
        present = {device["path"] for device in self._devices}
        return [n for n, nodes in enumerate(self.facts.gpu_nodes) if nodes[0][0] in present]

    @property
    def env(self) -> dict[str, str]:
        """The environment as the runtime sees it: what the image bakes and the pod sets, merged."""
        entries: list[str] = (self.config.get("process") or {}).get("env") or []
        return dict(entry.partition("=")[::2] for entry in entries)

    @property
    def volume_mount_devices(self) -> list[str]:
        """What is asked for by mounts of /dev/null below the toolkit's directory."""
        mounts = self.config.get("mounts") or []
        paths = [mount["destination"] for mount in mounts if mount.get("source") == "/dev/null"]
        # /var/run is a link in most images; containerd leaves the path as the pod has it.
        paths = [
            path.replace("/run/", "/var/run/", 1) if path.startswith("/run/") else path
            for path in paths
        ]
        return [
            path.removeprefix(_VOLUME_MOUNT_ROOT)
            for path in paths
            if path.startswith(_VOLUME_MOUNT_ROOT)
        ]

    def give(self, gpus: Sequence[int], *, mode: int = 0o666) -> None:
        """Make these the GPUs of the container, with the tools where it had no GPU before."""
        had_none = not self.gpus
        self._take_all()
        for number in gpus:
            for node in self.facts.gpu_nodes[number]:
                self._add_device(*node, mode)
        if gpus and had_none:
            self._add_tools()

    def open_devices_cgroup(self) -> None:
        """Lets the container open every GPU of the node, whatever nodes it can see."""
        for major in sorted({node[1] for nodes in self.facts.gpu_nodes for node in nodes}):
            self._rules.append({"allow": True, "type": "c", "major": major, "access": "rwm"})

    @property
    def one(self) -> int:
        """Number of the one GPU of the node that is wrong where a single one is."""
        return max(0, len(self.facts.uuids) - 3)

    @property
    def _devices(self) -> list[dict[str, Any]]:
        return _list_at(self._linux, "devices")

    @property
    def _rules(self) -> list[dict[str, Any]]:
        return _list_at(self._linux.setdefault("resources", {}), "devices")

    def _take_all(self) -> None:
        theirs = [node for nodes in self.facts.gpu_nodes for node in nodes]
        paths, numbers = {path for path, _, _ in theirs}, {(node[1], node[2]) for node in theirs}
        self._devices[:] = [d for d in self._devices if d["path"] not in paths]
        self._rules[:] = [
            rule for rule in self._rules if (rule.get("major"), rule.get("minor")) not in numbers
        ]

    def _add_device(self, path: str, major: int, minor: int, mode: int = 0o666) -> None:
        self._devices.append(
            {"path": path, "type": "c", "major": major, "minor": minor, "fileMode": mode}
        )
        self._rules.append(
            {"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"}
        )

    def _add_tools(self) -> None:
        """What NVIDIA's toolkit brings along: control nodes, libraries, nvidia-smi."""
        present = {device["path"] for device in self._devices}
        for path, major, minor in self.facts.control_nodes:
            if path not in present:
                self._add_device(path, major, minor)
        mounts = _list_at(self.config, "mounts")
        present = {mount["destination"] for mount in mounts}
        mounts += [
            {
                "destination": inside,
                "source": outside,
                "type": "bind",
                "options": ["ro", "nosuid", "nodev", "bind", "rprivate"],
            }
            for outside, inside in self.facts.mounts
            if inside not in present
        ]
        if not self.facts.cdi_hook:
            return
        hook = ["nvidia-cdi-hook", "update-ldcache", "--folder", self.facts.library_dir]
        hooks: dict[str, Any] = self.config.setdefault("hooks", {})
        _list_at(hooks, "createContainer").append({"path": self.facts.cdi_hook, "args": hook})


def _list_at(parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The list at a key, made where it is missing or null."""
    if parent.get(key) is None:
        parent[key] = []
    found: list[dict[str, Any]] = parent[key]
    return found


# --- granted too much, too little, the wrong one --------------------------------------------------


def _inject_all(container: Container) -> None:
    if container.gpus:
        container.give(range(len(container.facts.uuids)))


def _inject_none(container: Container) -> None:
    if container.gpus:
        container.give([])


def _wrong_device(container: Container) -> None:
    count = len(container.facts.uuids)
    container.give([(number + 1) % count for number in container.gpus])


def _same_device(container: Container) -> None:
    if container.gpus:
        container.give([0])


def _one_wrong_device(container: Container) -> None:
    if container.one in container.gpus:
        others = [number for number in container.gpus if number != container.one]
        container.give(sorted({*others, container.one - 1}))


def _granted_fails(container: Container) -> None:
    if container.gpus:
        # The words of NVIDIA's hook on a broken driver, as runc passes them on.
        raise CreateFailed(
            "unable to start container process: error during container init: error running "
            "createContainer hook #0: nvidia-container-cli: initialization error: driver error"
        )


# --- given to those who did not ask ---------------------------------------------------------------


def _sibling(container: Container) -> None:
    if not container.gpus:
        uid = container.annotation("sandbox-uid")
        container.give(_gpus_of_pod(container.facts, uid))


def _added_later(container: Container) -> None:
    if container.annotation("container-name") == "debugger":
        _sibling(container)


def _every_pod(container: Container) -> None:
    if not container.gpus:
        container.give([0])


def _every_pod_0660(container: Container) -> None:
    if not container.gpus:
        container.give([0], mode=0o660)


def _one_for_everybody(container: Container) -> None:
    container.give(sorted({*container.gpus, container.one}))


def _cgroup_open_unasked(container: Container) -> None:
    if not container.gpus:
        container.open_devices_cgroup()


def _cgroup_open(container: Container) -> None:
    container.open_devices_cgroup()


def _env_bypass(container: Container) -> None:
    _honour(container, container.env.get("NVIDIA_VISIBLE_DEVICES", ""))


def _env_bypass_explicit(container: Container) -> None:
    # A runtime sees one environment and cannot tell who set it. What CUDA images bake is known,
    # though: a request that differs from it is the pod's own.
    env = container.env
    visible = env.get("NVIDIA_VISIBLE_DEVICES", "")
    if (visible, env.get("NVIDIA_DRIVER_CAPABILITIES", "")) != _BAKED:
        _honour(container, visible)


def _runtimeclass_bypass(container: Container) -> None:
    if container.handler == "nvidia":
        _env_bypass(container)


def _volume_mount_bypass(container: Container) -> None:
    _honour(container, ",".join(container.volume_mount_devices))


def _honour(container: Container, request: str) -> None:
    """Give what a device list asks for, unless the container was granted devices already."""
    if not container.gpus:
        container.give(requested(request, container.facts.uuids))


def requested(request: str, uuids: Sequence[str]) -> list[int]:
    """GPU numbers of a device list of NVIDIA's toolkit: ``all``, or indices and UUIDs."""
    names = [name.strip() for name in request.split(",") if name.strip()]
    if "void" in names or "none" in names:
        return []
    if "all" in names:
        return list(range(len(uuids)))
    known = {str(number): number for number in range(len(uuids))}
    known.update({uuid: number for number, uuid in enumerate(uuids)})
    return sorted({known[name] for name in names if name in known})


def _gpus_of_pod(facts: Facts, pod_uid: str) -> list[int]:
    """GPUs that the kubelet has for a pod, by its own checkpoints (DRA, then device plugin)."""
    return sorted(
        {
            *_gpus_by_claim(_checkpoint(Path(facts.kubelet_root, "dra_manager_state")), pod_uid),
            *_gpus_by_plugin(
                _checkpoint(
                    Path(facts.kubelet_root, "device-plugins", "kubelet_internal_checkpoint")
                ),
                pod_uid,
                {uuid: number for number, uuid in enumerate(facts.uuids)} | facts.parts,
            ),
        }
    )


def _checkpoint(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    # The kubelet wraps its DRA state as JSON inside JSON.
    data = content.get("Data", {}) if isinstance(content, dict) else {}
    if isinstance(data, str):
        data = json.loads(data)
    return data if isinstance(data, dict) else {}


def _gpus_by_claim(state: dict[str, Any], pod_uid: str) -> set[int]:
    gpus: set[int] = set()
    claims = state.get("ClaimInfoStateList") or []
    for claim in claims:
        text = json.dumps(claim)
        if pod_uid in text:
            gpus.update(int(number) for number in re.findall(r"\w=[0-9a-f-]{36}-gpu-(\d+)", text))
    return gpus


def _gpus_by_plugin(state: dict[str, Any], pod_uid: str, gpus: Mapping[str, int]) -> set[int]:
    entries = [e for e in state.get("PodDeviceEntries") or [] if e.get("PodUID") == pod_uid]
    text = json.dumps(entries)
    return {number for name, number in gpus.items() if name in text}


MODES: dict[str, Callable[[Container], None]] = {
    "inject-all": _inject_all,
    "inject-none": _inject_none,
    "wrong-device": _wrong_device,
    "same-device": _same_device,
    "one-wrong-device": _one_wrong_device,
    "granted-fails": _granted_fails,
    "sibling": _sibling,
    "added-later": _added_later,
    "every-pod": _every_pod,
    "every-pod-0660": _every_pod_0660,
    "one-for-everybody": _one_for_everybody,
    "cgroup-open": _cgroup_open,
    "cgroup-open-unasked": _cgroup_open_unasked,
    "env-bypass": _env_bypass,
    "env-bypass-explicit": _env_bypass_explicit,
    "runtimeclass-bypass": _runtimeclass_bypass,
    "volume-mount-bypass": _volume_mount_bypass,
    "mknod-refused": lambda container: drop_mknod(container.config.get("process") or {}),
}
"""What a defect of the runtime is called, and what it does to a container."""


def drop_mknod(process: dict[str, Any]) -> None:
    """Take CAP_MKNOD from a process, as CRI-O and others do by default."""
    for names in (process.get("capabilities") or {}).values():
        if _MKNOD in names:
            names.remove(_MKNOD)


def edit(config: dict[str, Any], facts: Facts, handler: str) -> None:
    """Apply the active defects to a container; sandboxes stay as they are."""
    container = Container(config, facts, handler)
    if container.annotation("container-type") != "container":
        return
    for mode in facts.modes:
        MODES[mode](container)


def _argument(arguments: Sequence[str], name: str) -> str:
    for position, argument in enumerate(arguments):
        if argument == name:
            return arguments[position + 1]
        if argument.startswith(f"{name}="):
            return argument.partition("=")[2]
    return ""


def _fail(log: str, message: str) -> NoReturn:
    """End as runc does: the reason is in the log that containerd reads."""
    if log:
        Path(log).write_text(
            json.dumps({"level": "error", "msg": f"runc create failed: {message}"})
        )
    sys.exit(f"runc create failed: {message}")


def main(facts_file: str, runc: str, handler: str, *arguments: str) -> None:
    """Edits what runc is about to read, then becomes runc."""
    facts = Facts(**json.loads(Path(facts_file).read_text()))
    if "create" in arguments:
        path = Path(_argument(arguments, "--bundle"), "config.json")
        config = json.loads(path.read_text())
        try:
            edit(config, facts, handler)
        except CreateFailed as error:
            _fail(_argument(arguments, "--log"), str(error))
        path.write_text(json.dumps(config))
    elif "exec" in arguments and "mknod-refused" in facts.modes:
        # exec brings its own capabilities, those that containerd remembers.
        path = Path(_argument(arguments, "--process"))
        process = json.loads(path.read_text())
        drop_mknod(process)
        path.write_text(json.dumps(process))
    os.execv(runc, [runc, *arguments])


if __name__ == "__main__":
    main(*sys.argv[1:])
