"""A submission as somebody has written it, whatever is wrong with it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aicr_pytest.errors import SettingsError
from aicr_pytest.submission.official import Checkout, OfficialList, OfficialRequirement
from aicr_pytest.submission.product_yaml import FILE, snake_case
from aicr_pytest.submission.yaml_files import read_yaml

_VERSION = re.compile(r"v(\d+\.\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is written of one requirement; of the wrong types, nothing."""

    official: OfficialRequirement
    """Whose it is."""
    description: str
    """As written."""
    level: str
    """As written."""
    status: str
    """As written."""
    evidence: tuple[str, ...]
    """As written, without empty ones."""
    notes: str
    """As written."""

    @property
    def is_left_open(self) -> bool:
        """Whether a SHOULD is not answered at all, which the programme allows."""
        return self.official.level == "SHOULD" and not self.status and not self.evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A PRODUCT.yaml with its folder, and the list that it is held against."""

    folder: Path
    """Of the product."""
    official: OfficialList
    """Of the folder's Kubernetes version."""
    metadata: dict[str, Any] | None
    """As written; None where there is none."""
    spec: dict[str, Any] | None
    """As written; None where there is none."""
    trouble: str = ""
    """Why the file could not be read; then there is neither metadata nor spec."""

    @property
    def name(self) -> str:
        """E.g. ``v1.37/analytical-engine``."""
        return f"v{self.official.version}/{self.folder.name}"

    def value(self, field: str) -> Any:
        """A metadata field in either of its spellings."""
        metadata = self.metadata or {}
        return metadata.get(field, metadata.get(snake_case(field)))

    def text(self, field: str) -> str:
        """The same, empty where it is no string."""
        return value if isinstance(value := self.value(field), str) else ""

    @property
    def entries(self) -> Iterator[Entry]:
        """Those of the list's requirements that are there; of two the last, as the programme."""
        for one in self.official.requirements:
            found = [item for item in self.listed(one.category) if item.get("id") == one.id]
            if found:
                yield _entry(one, found[-1])

    def listed(self, category: str) -> list[dict[str, Any]]:
        """What stands under a category."""
        listed = (self.spec or {}).get(category)
        return [one for one in listed or () if isinstance(one, dict)]

    @property
    def files(self) -> Iterator[Path]:
        """Every file in the folder."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield path


def read_submitted(path: Path, checkout: Path | None) -> Submitted:
    """A submission.

    Args:
        path: its folder, or the PRODUCT.yaml in it.
        checkout: where the lists are; None: the one that the submission lies in.

    Raises:
        SettingsError: there is no PRODUCT.yaml, its folder names no version, or there is no list.
    """
    folder = (path.parent if path.name == FILE else path).resolve()
    if not (folder / FILE).is_file():
        below = sorted(one.parent.name for one in folder.glob(f"*/{FILE}"))
        hint = f" Those below it: {', '.join(below[:5])}." if below else ""
        raise SettingsError(f"{path}: there is no {FILE} in it.{hint}")
    version = _VERSION.fullmatch(folder.parent.name)
    if version is None:
        raise SettingsError(f"{path}: a product's folder lies in one of a version, e.g. v1.37/.")
    root, origin = (checkout, "--checkout") if checkout else (folder.parent.parent, str(path))
    official = Checkout.open(root, origin).list_of(version[1], origin)
    try:
        document = read_yaml(folder / FILE)
        _refuse_wrong_types(document, folder / FILE)
    except SettingsError as error:
        return Submitted(
            folder=folder, official=official, metadata=None, spec=None, trouble=str(error)
        )
    return Submitted(
        folder=folder,
        official=official,
        metadata=document.get("metadata"),
        spec=document.get("spec"),
    )


def _refuse_wrong_types(document: dict[str, Any], path: Path) -> None:
    """What the programme's validator cannot read into its own types."""
    for name in ("metadata", "spec"):
        if not isinstance(document.get(name), dict | None):
            raise SettingsError(f"{path}: {name} is no mapping.")
    for category, listed in (document.get("spec") or {}).items():
        where = f"{path}: spec.{category}"
        if not isinstance(listed, list | None):
            raise SettingsError(f"{where} is no list of requirements.")
        for item in listed or ():
            if not isinstance(item, dict | None):
                raise SettingsError(f"{where} holds {item!r}, which is no requirement.")
            _refuse_wrong_fields(item or {}, where)


def _refuse_wrong_fields(item: dict[str, Any], where: str) -> None:
    name = item.get("id")
    for field in ("id", "description", "level", "status", "notes"):
        if isinstance(item.get(field), (dict, list)):
            raise SettingsError(f"{where}: {field} of {name} is no text.")
    evidence = item.get("evidence")
    if not isinstance(evidence, list | None):
        raise SettingsError(f"{where}: evidence of {name} is no list.")
    if any(isinstance(one, (dict, list)) for one in evidence or ()):
        raise SettingsError(f"{where}: evidence of {name} holds what is no text.")


def _entry(official: OfficialRequirement, item: dict[str, Any]) -> Entry:
    return Entry(
        official=official,
        description=_text(item.get("description")),
        level=_text(item.get("level")),
        status=_text(item.get("status")),
        evidence=tuple(text for one in item.get("evidence") or () if (text := _text(one))),
        notes=_text(item.get("notes")),
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)
