"""NVIDIA's device plugin on a node: its arguments, and what it finds where it shares devices."""

import json
from pathlib import Path

from aicr_lab.accelerators.artifacts import DEVICE_PLUGIN
from aicr_lab.build.builder import locate
from aicr_lab.kubernetes.node import Node
from aicr_lab.needs import PATH
from aicr_lab.options import LabOptions, Sharing

_MPS_CONTROL = "nvidia-cuda-mps-control"
"""NVIDIA's client of its MPS daemon: the plugin asks it once whether the daemon is well."""


def argv(node: Node, options: LabOptions, cdi_hook: Path) -> list[str]:
    """How it is called."""
    shared = options.shares.strategy != "none"
    return [
        str(locate(DEVICE_PLUGIN)),
        "--device-list-strategy=cdi-cri",
        f"--device-id-strategy={options.device_ids}",
        *([f"--mig-strategy={options.mig_strategy}"] if options.mig else ()),
        f"--nvidia-driver-root={node.driver_root}",
        f"--driver-root-ctr-path={node.driver_root}",
        f"--nvidia-dev-root={node.driver_root}",
        f"--nvidia-cdi-hook-path={cdi_hook}",
        *([f"--config-file={_config(node)}", f"--mps-root={_mps(node)}"] if shared else ()),
    ]


def environment(node: Node) -> dict[str, str]:
    """What it is told beside: where the stand-in of MPS is."""
    return {"PATH": f"{_mps(node)}/bin:{PATH}"}


def prepare(node: Node, sharing: Sharing) -> None:
    """Write its configuration; for MPS, what its daemon would have made.

    The daemon itself needs a GPU: a program that says that all is well stands for it, so that the
    plugin counts, names and hands out what it would. No kernel of two pods meets on a device.
    """
    shared = {
        "resources": [{"name": "nvidia.com/gpu", "replicas": sharing.replicas}],
        "renameByDefault": sharing.renamed,
    }
    key = "mps" if sharing.strategy == "mps" else "timeSlicing"
    _config(node).write_text(json.dumps({"version": "v1", "sharing": {key: shared}}))
    root = _mps(node)
    for directory in ("bin", "shm", f"{sharing.resource}/pipe", f"{sharing.resource}/log"):
        (root / directory).mkdir(parents=True, exist_ok=True)
    (root / "shm").chmod(0o1777)
    control = root / "bin" / _MPS_CONTROL
    control.write_text("#!/bin/sh\ncat >/dev/null\necho 100.0\n")
    control.chmod(0o755)


def _config(node: Node) -> Path:
    return node.dir / "device-plugin.yaml"


def _mps(node: Node) -> Path:
    return node.dir / "mps"
