"""The image that sample services run in: Python with its standard library."""

from collections.abc import Sequence

from aicr_lab.addons.addon import Addon
from aicr_lab.build import images, interpreter
from aicr_lab.build.oci import Image

IMAGE = "docker.io/library/python:3.13.9-slim"
"""The name that the suite asks for; the interpreter is the one that runs the lab."""


def _images() -> Sequence[Image]:
    config = {"Env": [*interpreter.ENVIRONMENT, "PYTHONDONTWRITEBYTECODE=1"], "Cmd": ["python3"]}
    layers = [images.gnu_layer(images.gnu_files()), interpreter.layer()]
    return [Image(name=IMAGE, layers=layers, config=config)]


ADDON = Addon(
    name="python",
    sentence="the image of Python that sample services and clients run in",
    images=_images,
)
