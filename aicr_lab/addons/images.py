"""The add-ons' images: an archive per add-on, and what several of them are made like."""

import hashlib
import sys
from pathlib import Path

from aicr_lab.addons.addon import Addon
from aicr_lab.build import images, interpreter, oci
from aicr_lab.build.builder import cache_dir, fingerprint
from aicr_lab.build.oci import Image, Layer
from aicr_lab.needs import Say

_HERE = Path(__file__).resolve().parent


def ensure_archive(addon: Addon, say: Say) -> Path | None:
    """The archive with an add-on's images, made anew when it is older than its sources.

    ``None`` where the add-on has no images.
    """
    if addon.images is None:
        return None
    return images.ensure_archive_of(
        cache_dir(), f"addon-{addon.name}", _fingerprint(addon), addon.images, say
    )


def _fingerprint(addon: Addon) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for artifact in addon.artifacts:
        digest.update(fingerprint(artifact).encode())
    # Which of our files an image is made of is in the code only.
    built = (Path(str(module.__file__)) for module in (images, interpreter, oci))
    for file in (*sorted(_HERE.rglob("*.*")), *built):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def static_image(name: str, program: Path, path: str, *, user: str = "65532") -> Image:
    """An image of one program without libraries, which is its entry point.

    Args:
        path: absolute path of the program in the image.
    """
    base, layer = Layer(), Layer()
    images.system_directories(base)
    layer.copy(program, path)
    config = {"Entrypoint": [path], "User": user, "Env": [f"PATH={images.PATH}"]}
    return Image(name=name, layers=[base.content(), layer.content()], config=config)
