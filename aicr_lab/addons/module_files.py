"""Manifests out of a Go module as its files say them, read when the lab is built.

``python -m aicr_lab.addons.module_files MODULE OUTPUT FILE…``, in the directory of a ``go.mod``
that requires the module; files may be patterns.
"""

import json
import subprocess
import sys
from pathlib import Path

from aicr_lab.build.builder import Artifact, Command

_LAB = Path(__file__).resolve().parent.parent


def files_artifact(name: str, *, module: str, files: tuple[str, ...]) -> Artifact:
    """Files of a module, one after the other, as ``<name>.yaml``.

    Args:
        name: the product, whose Go module is ``aicr_lab/go/<name>``.
        module: path of the upstream module.
        files: relative to the module's directory; patterns are taken in alphabetical order.
    """
    directory = _LAB / "go" / name
    output = f"{name}.yaml"
    program = (sys.executable, "-m", "aicr_lab.addons.module_files")
    return Artifact(
        name=f"{name}-files",
        outputs=(output,),
        sources=(directory / "go.mod", Path(__file__)),
        commands=(
            Command(
                argv=(*program, module, f"{{out}}/{output}", *files),
                cwd=directory,
                env=(("GOFLAGS", "-mod=readonly"), ("PYTHONPATH", str(_LAB.parent))),
            ),
        ),
    )


def main(module: str, output: str, *files: str) -> None:
    """Download the module unless it is there, and join its files."""
    downloaded = subprocess.run(
        ["go", "mod", "download", "-json", module], stdout=subprocess.PIPE, check=True
    )
    directory = Path(json.loads(downloaded.stdout)["Dir"])
    found = [path for pattern in files for path in sorted(directory.glob(pattern))]
    lines = [line for path in found for line in (*path.read_text().splitlines(), "---")]
    # Conditions of a template for Helm around what is no template.
    kept = [line for line in lines if not line.startswith("{{")]
    Path(output).write_text("\n".join(kept) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
