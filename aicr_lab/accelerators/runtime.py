"""The OCI runtime of a node: runc, behind a wrapper that can misbehave.

containerd is told to call the wrapper. On a healthy node it is a shell script that becomes runc,
for privileged containers after :mod:`.oci_fence`; while the node carries a runtime defect,
:mod:`.oci_defects` edits the container first.
"""

import dataclasses
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from aicr_lab import needs
from aicr_lab.accelerators import oci_defects, oci_fence
from aicr_lab.accelerators.devices import DeviceNode
from aicr_lab.accelerators.driver_root import DriverRoot
from aicr_lab.errors import HostUnfit, LabError
from aicr_lab.state import read_json, write_json

_WRAPPER = """\
#!/bin/sh
# The OCI runtime of {node} for handler {handler}: runc, after {defects}
# had its way with the container while {facts} exists.
bundle= last=
for word; do
    [ "$last" != --bundle ] || bundle=$word
    last=$word
done
# Only privileged containers have no masked paths.
if [ -n "$bundle" ] && ! grep -q '"maskedPaths"' "$bundle/config.json"; then
    {python} -I -S {fence} "$bundle" || exit
fi
if [ -e {facts} ]; then
    exec {python} -I -S {defects} {facts} {runc} {handler} "$@"
fi
exec {runc} "$@"
"""

HANDLERS = ("runc", "nvidia")
"""Runtime handlers of containerd; ``nvidia``, that of the RuntimeClass, gives nothing by itself."""


class NodeRuntime:
    """The runtime wrapper of one node and its defects."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def binary(self, handler: str) -> Path:
        """What containerd calls for a handler."""
        return self.directory / handler

    @property
    def _facts(self) -> Path:
        return self.directory / "defects.json"

    @property
    def _healthy(self) -> Path:
        return self.directory / "facts.json"

    def install(self, node: str, facts: oci_defects.Facts) -> None:
        """Write the wrapper for each handler; the node is healthy afterwards."""
        runc = needs.program("runc")
        if runc is None:
            raise HostUnfit("runc is missing", hint="apt-get install runc")
        self.directory.mkdir(parents=True, exist_ok=True)
        self._facts.unlink(missing_ok=True)
        write_json(self._healthy, dataclasses.asdict(facts))
        for handler in HANDLERS:
            text = _WRAPPER.format(
                node=node,
                handler=handler,
                facts=shlex.quote(str(self._facts)),
                python=shlex.quote(sys.executable),
                defects=shlex.quote(str(Path(oci_defects.__file__).resolve())),
                fence=shlex.quote(str(Path(oci_fence.__file__).resolve())),
                runc=runc,
            )
            path = self.binary(handler)
            path.write_text(text)
            path.chmod(0o755)

    @property
    def modes(self) -> list[str]:
        """Active defects of the runtime."""
        facts = read_json(self._facts)
        return list(facts["modes"]) if facts else []

    def break_with(self, modes: Sequence[str]) -> None:
        """Make these the active defects; containers that run already are not touched."""
        unknown = set(modes) - set(oci_defects.MODES)
        if unknown:
            raise LabError(f"no such runtime defect: {', '.join(sorted(unknown))}")
        facts = read_json(self._healthy)
        if facts is None:
            raise LabError(
                f"no runtime is installed in {self.directory}", hint="start the lab first"
            )
        if modes:
            write_json(self._facts, {**facts, "modes": list(modes)})
        else:
            self._facts.unlink(missing_ok=True)


def facts_of(
    root: DriverRoot,
    nodes: Sequence[DeviceNode],
    uuids: Sequence[str],
    parts: Mapping[str, int],
    kubelet_root: Path,
    hook: Path,
) -> oci_defects.Facts:
    """What the defects need to know of a node.

    Args:
        parts: identity of a part of a GPU → the GPU's number.
    """
    gpus, control = nodes[: len(uuids)], nodes[len(uuids) :]
    return oci_defects.Facts(
        modes=[],
        gpu_nodes=[[(f"/dev/{node.name}", node.major, node.minor)] for node in gpus],
        uuids=list(uuids),
        control_nodes=[(f"/dev/{node.name}", node.major, node.minor) for node in control],
        mounts=[(str(outside), inside) for outside, inside in root.injected()],
        library_dir=root.library_dir_inside,
        cdi_hook=str(hook),
        kubelet_root=str(kubelet_root),
        parts=dict(parts),
    )
