"""The programme's own list of a Kubernetes version, read from a checkout of its repository."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aicr_pytest.errors import SettingsError
from aicr_pytest.requirements.catalogue import Level
from aicr_pytest.submission.yaml_files import read_yaml

_LIST = re.compile(r"AIConformance-(\d+\.\d+)\.yaml")
_CLONE = "git clone https://github.com/cncf/k8s-ai-conformance"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialRequirement:
    """One id as the programme publishes it."""

    id: str
    """E.g. ``gang_scheduling``."""
    category: str
    """The key under ``spec``, e.g. ``schedulingOrchestration``."""
    description: str
    """The programme's own words."""
    level: Level
    """MUST or SHOULD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialList:
    """What a platform of one Kubernetes version is held against."""

    version: str
    """Kubernetes minor version, e.g. ``1.37``."""
    path: Path
    """The file, which is also the template of a PRODUCT.yaml."""
    requirements: tuple[OfficialRequirement, ...]
    """In the order of the file."""

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids."""
        return tuple(one.id for one in self.requirements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A checkout of cncf/k8s-ai-conformance."""

    root: Path
    """Its top folder."""

    @classmethod
    def open(cls, root: Path, origin: str) -> "Checkout":
        """A checkout, by the lists that are in it.

        Args:
            root: the folder that the user names.
            origin: the option by which that was.

        Raises:
            SettingsError: it is something else.
        """
        checkout = cls(root=root)
        if not root.is_dir():
            raise SettingsError(f"{origin}: {root} is no directory.\n  {_CLONE}")
        if not checkout.versions:
            other = root / "v1.33" / "gke" / "PRODUCT.yaml"
            plain = " It looks like cncf/k8s-conformance." if other.is_file() else ""
            raise SettingsError(
                f"{origin}: {root} is no checkout of cncf/k8s-ai-conformance: "
                f"it has no docs/AIConformance-X.Y.yaml.{plain}\n  {_CLONE}"
            )
        return checkout

    @property
    def versions(self) -> list[str]:
        """The Kubernetes versions that it has lists of, oldest first."""
        names = (_LIST.fullmatch(path.name) for path in self.root.glob("docs/AIConformance-*.yaml"))
        found = (name[1] for name in names if name)
        return sorted(found, key=lambda version: [int(part) for part in version.split(".")])

    def list_of(self, version: str, origin: str) -> OfficialList:
        """The list of a Kubernetes version.

        Raises:
            SettingsError: there is none, or it is not such a list.
        """
        if version not in self.versions:
            raise SettingsError(
                f"{origin}: {self.root} has no list for Kubernetes {version}; it has those of "
                f"{', '.join(self.versions)}.\n  git -C {self.root} pull"
            )
        path = self.root / "docs" / f"AIConformance-{version}.yaml"
        spec = read_yaml(path).get("spec")
        requirements = tuple(_requirements(spec, path))
        if len({one.id for one in requirements}) != len(requirements):
            raise SettingsError(f"{path}: names a requirement twice.")
        return OfficialList(version=version, path=path, requirements=requirements)


def _requirements(spec: Any, path: Path) -> list[OfficialRequirement]:
    try:
        return [
            OfficialRequirement(
                id=str(one["id"]),
                category=str(category),
                description=str(one["description"]),
                level=Level(one["level"]),
            )
            for category, listed in spec.items()
            for one in listed
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{path}: is no list of requirements: {error!r}.") from error
