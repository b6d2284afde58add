"""The images that the suite uses, by name, and where they are pulled from.

By tags of single releases, not by digests: the same release has another digest on every mirror that
repacks it. What really ran is in the evidence: the digest that the node has pulled, from the pod's
status. ``--aicr-image NAME=REF@sha256:…`` pins one.
"""

from collections.abc import Mapping

from aicr_pytest.accelerators.vendors import PROFILES


def default_images() -> dict[str, str]:
    """The reference of each image where the user names no other."""
    return {
        "probe": PROFILES[0].probe_image,
        "load": PROFILES[0].load_image,
        "service": "docker.io/library/python:3.13.9-slim",
        "ray": "docker.io/rayproject/ray:2.52.0",
    }


def reference(name: str, *, replaced: Mapping[str, str], registry: str | None) -> str:
    """Where an image is pulled from.

    Args:
        name: a key of ``IMAGE_NAMES``.
        replaced: references that the user gave; a mirror does not change them.
        registry: a mirror that keeps the paths of the images; None: no mirror.
    """
    if name in replaced:
        return replaced[name]
    image = default_images()[name]
    return mirrored(image, registry) if registry else image


def mirrored(image: str, registry: str) -> str:
    """The image on a mirror: its own registry host gives way, its path stays."""
    host, slash, path = image.partition("/")
    has_host = slash and ("." in host or ":" in host or host == "localhost")
    return f"{registry}/{path if has_host else image}"
