"""The Python that runs this, with its standard library, as a layer of an image."""

import re
import sys
import sysconfig
from pathlib import Path

from aicr_lab.build import images
from aicr_lab.build.oci import Layer

_HOME = "usr/local"
# What slim images lack too, or what is for compiling.
_LEFT_OUT = re.compile(
    r"(^|/)(__pycache__|site-packages|tests?|idlelib|turtledemo|ensurepip|lib2to3|pydoc_data"
    r"|config-[^/]*|_?tkinter[^/]*)(/|$)"
)
LIBRARIES = f"{_HOME}/lib"
"""Where shared libraries are, those of extensions too."""
ENVIRONMENT = (f"PATH={images.PATH}", f"PYTHONHOME=/{_HOME}", f"LD_LIBRARY_PATH=/{LIBRARIES}")
"""What it needs of an image's environment."""


def layer() -> bytes:
    """The layer; the loader of shared libraries comes with another."""
    made = Layer()
    program = Path(sys.executable).resolve()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    made.copy(program, f"{_HOME}/bin/{version}")
    for name in ("python", "python3"):
        made.link(f"{_HOME}/bin/{name}", version)
    library = Path(sysconfig.get_path("stdlib"))
    extensions = []
    for path in sorted(library.rglob("*")):
        inside = path.relative_to(library).as_posix()
        if path.is_file() and not _LEFT_OUT.search(inside):
            made.copy(path, f"{LIBRARIES}/{version}/{inside}")
            extensions += [path] if path.suffix == ".so" else []
    for shared in sorted(images.libraries([program, *extensions])):
        made.copy(shared.resolve(), f"{LIBRARIES}/{shared.name}")
    return made.content()
