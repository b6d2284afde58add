"""The image that sample services run in: Python with its standard library."""

import re
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from aicr_lab.addons.addon import Addon
from aicr_lab.build import images
from aicr_lab.build.oci import Image, Layer

IMAGE = "docker.io/library/python:3.13.9-slim"
"""The name that the suite asks for; the interpreter is the one that runs the lab."""

_HOME = "usr/local"
# What slim images lack too, or what is for compiling.
_LEFT_OUT = re.compile(
    r"(^|/)(__pycache__|site-packages|tests?|idlelib|turtledemo|ensurepip|lib2to3|pydoc_data"
    r"|config-[^/]*|_?tkinter[^/]*)(/|$)"
)


def _images() -> Sequence[Image]:
    config = {
        "Env": [
            f"PATH={images.PATH}",
            f"PYTHONHOME=/{_HOME}",
            f"LD_LIBRARY_PATH=/{_HOME}/lib",
            "PYTHONDONTWRITEBYTECODE=1",
        ],
        "Cmd": ["python3"],
    }
    layers = [images.gnu_layer(images.gnu_files()), _interpreter()]
    return [Image(name=IMAGE, layers=layers, config=config)]


def _interpreter() -> bytes:
    layer = Layer()
    program = Path(sys.executable).resolve()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    layer.copy(program, f"{_HOME}/bin/{version}")
    for name in ("python", "python3"):
        layer.link(f"{_HOME}/bin/{name}", version)
    library = Path(sysconfig.get_path("stdlib"))
    extensions = []
    for path in sorted(library.rglob("*")):
        inside = path.relative_to(library).as_posix()
        if path.is_file() and not _LEFT_OUT.search(inside):
            layer.copy(path, f"{_HOME}/lib/{version}/{inside}")
            extensions += [path] if path.suffix == ".so" else []
    for shared in sorted(images.libraries([program, *extensions])):
        layer.copy(shared.resolve(), f"{_HOME}/lib/{shared.name}")
    return layer.content()


ADDON = Addon(
    name="python",
    sentence="the image of Python that sample services and clients run in",
    images=_images,
)
