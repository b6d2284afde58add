"""product.yaml: what the vendor says of the product, since no run can see it.

Everything that is wrong with it is said at once, by the names of the fields.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aicr_pytest.errors import SettingsError
from aicr_pytest.submission.yaml_files import read_yaml

STATUSES = ("Implemented", "Partially Implemented", "Not Implemented", "N/A")
"""What the programme knows, in its spelling."""

CONFORMANCE_URL = re.compile(
    r"https://github\.com/cncf/k8s-conformance/tree/(master|main)/v\d+\.\d+/[^/]+/?"
)
"""Where the product's plain Kubernetes conformance is published."""

LOGOS = (".svg", ".eps", ".ai")
"""How the URL of a vector picture ends."""

_DIRECTORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_URL = re.compile(r"https?://[^\s/?#]+\S*")
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataField:
    """One of the fields that a PRODUCT.yaml begins with."""

    name: str
    """As the programme spells it."""
    wanted: str
    """What it has to be."""
    valid: re.Pattern[str] = re.compile(r"\S.*")
    """What the whole value matches."""
    required: bool = True
    """Whether the programme demands it."""


METADATA = (
    MetadataField(name="platformName", wanted="the name of the product"),
    MetadataField(name="platformVersion", wanted="the version of the product, not of Kubernetes"),
    MetadataField(name="vendorName", wanted="the name as the CNCF landscape has it"),
    MetadataField(name="websiteUrl", wanted="an http(s) URL", valid=_URL),
    MetadataField(name="repoUrl", wanted="an http(s) URL", valid=_URL, required=False),
    MetadataField(name="documentationUrl", wanted="an http(s) URL", valid=_URL),
    MetadataField(
        name="productLogoUrl",
        wanted="an http(s) URL of a logo in SVG, EPS or AI that holds the product's name",
        valid=re.compile(r"(?i)https?://\S+\.(svg|eps|ai)"),
    ),
    MetadataField(name="description", wanted="one sentence"),
    MetadataField(name="contactEmailAddress", wanted="an e-mail address", valid=_MAIL),
    MetadataField(
        name="k8sConformanceUrl",
        wanted="https://github.com/cncf/k8s-conformance/tree/master/vX.Y/PRODUCT",
        valid=CONFORMANCE_URL,
    ),
)
"""What nobody but the vendor can say; the Kubernetes version is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the vendor says of one requirement."""

    status: str = ""
    """One of ``STATUSES``; empty leaves it to the run."""
    evidence: tuple[str, ...] = ()
    """URLs, and files relative to product.yaml, with or without a ``#fragment``."""
    notes: str = ""
    """For the reviewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product.yaml."""

    path: Path
    """The file."""
    directory: str
    """Name of the product's folder below ``vX.Y``."""
    setup: str
    """How somebody else gets such a cluster: commands, or where they stand."""
    metadata: Mapping[str, str]
    """By the names in ``METADATA``; an optional one may be missing."""
    statements: Mapping[str, Statement] = field(default_factory=dict)
    """By requirement id."""


def read_product(path: Path, origin: str) -> Product:
    """What the vendor says.

    Args:
        path: of the product.yaml.
        origin: the option that names it.

    Raises:
        SettingsError: it cannot be read, or fields are missing or wrong; names all of them.
    """
    if not path.is_file():
        raise SettingsError(
            f"{origin}: {path} is no file. It says what no run can see: the product's name, "
            "its URLs, how to set it up. docs/submission.md has one to start from."
        )
    raw = read_yaml(path)
    problems = list(_problems(raw, path))
    if problems:
        listed = "\n  ".join(problems)
        raise SettingsError(f"{path}: {len(problems)} of its fields need a hand:\n  {listed}")
    return Product(
        path=path,
        directory=raw["directory"],
        setup=raw["setup"].strip(),
        metadata={name: text.strip() for name, text in raw["metadata"].items() if text},
        statements={
            name: Statement(
                status=said.get("status", ""),
                evidence=tuple(text.strip() for text in said.get("evidence", ())),
                notes=said.get("notes", "").strip(),
            )
            for name, said in (raw.get("requirements") or {}).items()
        },
    )


def is_placeholder(text: str) -> bool:
    """Whether the programme takes a value for one that nobody has filled in."""
    return text.startswith("[") and text.endswith("]")


def _problems(raw: dict[str, Any], path: Path) -> Iterator[str]:
    yield from _unknown("", raw, ("directory", "setup", "metadata", "requirements"))
    if not (isinstance(name := raw.get("directory"), str) and _DIRECTORY.fullmatch(name)):
        yield "directory: a short name of the product for its folder, e.g. analytical-engine"
    if not (isinstance(setup := raw.get("setup"), str) and setup.strip()):
        yield "setup: how somebody else gets such a cluster, as commands or as a URL"
    metadata = raw.get("metadata")
    yield from _metadata_problems(metadata if isinstance(metadata, dict) else {})
    said = raw.get("requirements") or {}
    if not isinstance(said, dict):
        yield "requirements: a mapping from requirement id to status, evidence and notes"
        return
    for name, statement in said.items():
        yield from _statement_problems(f"requirements.{name}", statement, path.parent)


def _metadata_problems(metadata: dict[str, Any]) -> Iterator[str]:
    if "kubernetesVersion" in metadata:
        yield "metadata.kubernetesVersion: leave it out; it is the measured one"
    known = [one.name for one in METADATA]
    yield from _unknown("metadata.", metadata, (*known, "kubernetesVersion"))
    for one in METADATA:
        value = metadata.get(one.name)
        if value in (None, "") and not one.required:
            continue
        text = value.strip() if isinstance(value, str) else ""
        if value in (None, ""):
            yield f"metadata.{one.name}: is missing; {one.wanted}"
        elif not one.valid.fullmatch(text) or is_placeholder(text):
            hint = "" if isinstance(value, str) else " (in quotes, so that it is a string)"
            yield f"metadata.{one.name}: {value!r} is not {one.wanted}{hint}"


def _statement_problems(where: str, statement: Any, folder: Path) -> Iterator[str]:
    if not isinstance(statement, dict):
        yield f"{where}: a mapping with status, evidence and notes"
        return
    yield from _unknown(f"{where}.", statement, ("status", "evidence", "notes"))
    if statement.get("status", "") not in ("", *STATUSES):
        yield f"{where}.status: {statement['status']!r} is none of {', '.join(STATUSES)}"
    notes = statement.get("notes", "")
    if not isinstance(notes, str) or is_placeholder(notes.strip()):
        yield f"{where}.notes: a text"
    evidence = statement.get("evidence", [])
    if not (isinstance(evidence, list) and all(isinstance(one, str) for one in evidence)):
        yield f"{where}.evidence: a list of URLs and files"
        return
    for one in evidence:
        if _URL.fullmatch(one.strip()):
            continue
        file = folder / one.strip().partition("#")[0]
        inside = file.resolve().is_relative_to(folder.resolve())
        if not (inside and file.is_file() and file.stat().st_size):
            yield f"{where}.evidence: {one!r} is no URL and no file beside product.yaml with text"


def _unknown(prefix: str, found: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[str]:
    for name in found:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"valid: {', '.join(known)}"
            yield f"{prefix}{name}: is no field; {hint}"
