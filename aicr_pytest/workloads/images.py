"""The images that the suite uses, by name, and where they are pulled from.

By tags of single releases, not by digests: the same release has another digest on every mirror that
repacks it. What really ran is in the evidence: the digest that the node has pulled, from the pod's
status. ``--aicr-image NAME=REF@sha256:…`` pins one.
"""

from collections.abc import Mapping
from typing import Protocol

from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.accelerators.vendors import PROFILES

_FIRST = PROFILES[0]


USED_BY: dict[str, tuple[str, ...]] = {
    "probe": (
        "dra_support",
        "secure_accelerator_access",
        "gang_scheduling",
        "cluster_autoscaling",
    ),
    "load": ("accelerator_metrics", "pod_autoscaling"),
    "service": ("ai_inference", "ai_service_metrics"),
    "ray": (),
}
"""Image → requirements whose pods run it, beside those of operators, which name their own."""


class Images(Protocol):
    """Where each of the suite's images is pulled from."""

    def __call__(self, name: str, profile: Profile = _FIRST) -> str:
        """The reference of an image, for accelerators of a profile."""


def default_images(profile: Profile = _FIRST) -> dict[str, str]:
    """The reference of each image where the user names no other."""
    return {
        "probe": profile.probe_image,
        "load": profile.load_image,
        "service": "docker.io/library/python:3.13.9-slim",
        "ray": "docker.io/rayproject/ray:2.52.0",
    }


def reference(
    name: str, *, replaced: Mapping[str, str], registry: str | None, profile: Profile = _FIRST
) -> str:
    """Where an image is pulled from.

    Args:
        name: a key of ``IMAGE_NAMES``.
        replaced: references that the user gave; a mirror does not change them.
        registry: a mirror that keeps the paths of the images; None: no mirror.
        profile: of the accelerators that its pod asks for.
    """
    if name in replaced:
        return replaced[name]
    image = default_images(profile)[name]
    return mirrored(image, registry) if registry else image


def mirrored(image: str, registry: str) -> str:
    """The image on a mirror: its own registry host gives way, its path stays."""
    host, slash, path = image.partition("/")
    has_host = slash and ("." in host or ":" in host or host == "localhost")
    return f"{registry}/{path if has_host else image}"
