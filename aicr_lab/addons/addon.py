"""What an add-on is: a product that clusters have beside Kubernetes, as the lab brings it up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aicr_lab.build.builder import Artifact
from aicr_lab.build.oci import Image
from aicr_lab.lab import Lab


def _nothing_to_install(lab: Lab) -> None:
    pass


def _nothing_missing(lab: Lab) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addon:
    """A product with its builds, its images and its objects.

    Add-ons come up side by side. ``install`` runs once the API server is ready, the images are on
    every node and the ``install`` of all ``needs`` is through.
    """

    name: str
    """As in ``--addons``, e.g. ``prometheus``."""
    sentence: str
    """What it is for."""
    needs: tuple[str, ...] = ()
    """Add-ons that it cannot do without."""
    after: tuple[str, ...] = ()
    """Add-ons whose ``install`` comes first where they are chosen too."""
    in_all: bool = True
    """Whether ``--addons all`` means it too; second solutions for the same thing are not in it."""
    artifacts: tuple[Artifact, ...] = ()
    """What it is built from."""
    images: Callable[[], Sequence[Image]] | None = None
    """Its images, made of built artifacts; they are kept until one of their sources changes."""
    install: Callable[[Lab], None] = _nothing_to_install
    """Applies its objects; doing it twice does no harm. It may start processes of the lab."""
    missing: Callable[[Lab], str] = _nothing_missing
    """What is not ready yet, empty when all is; asked again and again."""
