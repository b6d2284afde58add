"""PRODUCT.yaml: the programme's template filled in, or the one that is there, brought up to date.

Comments stay, and so does whatever else the vendor has written into it.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

from aicr_pytest.errors import SettingsError
from aicr_pytest.submission.answers import MEASURED, STATED, Answer
from aicr_pytest.submission.draft import STAMP
from aicr_pytest.submission.official import OfficialList
from aicr_pytest.submission.product import METADATA, Product
from aicr_pytest.submission.yaml_files import read_round_trip, write_round_trip

FILE = "PRODUCT.yaml"
_REHEARSAL = f"{STAMP}: a rehearsal on simulated accelerators, which proves nothing of a product."
_NAMES = ("platformName", "vendorName")
"""By which a product is told from another."""


def snake_case(name: str) -> str:
    """``platformName`` as ``platform_name``, which the programme takes as well."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def product_yaml(
    official: OfficialList,
    product: Product,
    answers: Iterable[tuple[Answer, list[str]]],
    *,
    existing: Path,
    simulated: bool,
) -> str:
    """The text of a PRODUCT.yaml.

    Args:
        official: the list that applies.
        product: the vendor's word.
        answers: of every requirement, with what stands as its evidence.
        existing: the file that is to be replaced, if it is there.
        simulated: whether it is a rehearsal.

    Raises:
        SettingsError: the file that is there is of another product, or cannot be read.
    """
    is_there = existing.is_file()
    document = read_round_trip(existing if is_there else official.path)
    template = read_round_trip(official.path)
    metadata = _mapping(document, "metadata", existing)
    if is_there:
        _refuse_another_product(metadata, product, existing)
    measured = {"kubernetesVersion": f"v{official.version}"}
    _fill_metadata(metadata, {**measured, **product.metadata}, is_there=is_there)
    spec = _mapping(document, "spec", existing)
    unsaid = []
    for answer, evidence in answers:
        entry = _entry(spec, answer, template["spec"], existing)
        if not answer.status and not _is_open(entry):
            unsaid.append(answer.official.id)
        _fill(entry, answer, evidence, simulated=simulated)
    if unsaid:
        raise SettingsError(
            f"{existing} answers what neither the run nor {product.path} does: {', '.join(unsaid)}."
            "\n  Say it in product.yaml, under requirements, so that it is not lost."
        )
    text = write_round_trip(document)
    stamp = f"# {_REHEARSAL}\n" if simulated else ""
    return text if text.startswith(stamp) else stamp + text


def _mapping(document: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    found = document.setdefault(name, CommentedMap())
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: {name} is no mapping.")
    return found


def _refuse_another_product(metadata: Mapping[str, Any], product: Product, path: Path) -> None:
    for name in _NAMES:
        there = metadata.get(name, metadata.get(snake_case(name)))
        if there and there != product.metadata[name]:
            raise SettingsError(
                f"{path} is of another product: {name} is {there!r} there and "
                f"{product.metadata[name]!r} in {product.path}.\n"
                "  Give this one a folder of its own: `directory` in product.yaml"
            )


def _fill_metadata(metadata: dict[str, Any], values: Mapping[str, str], *, is_there: bool) -> None:
    for name, value in values.items():
        key = snake_case(name) if snake_case(name) in metadata else name
        if key not in metadata:
            _append(metadata, key)
        if metadata[key] != value:
            metadata[key] = Quoted(value)
    if not is_there:
        for one in METADATA:  # what the template wants and the vendor has not got
            if one.name in metadata and one.name not in values:
                del metadata[one.name]


def _append(metadata: dict[str, Any], key: str) -> None:
    """Make room for a field before the blank lines that end the others, not behind them."""
    last = next(reversed(metadata), None)
    metadata[key] = None
    comments = metadata.ca.items if isinstance(metadata, CommentedMap) else {}
    if last in comments and (behind := comments[last][2]) and not behind.value.strip():
        comments[key] = comments.pop(last)


def _entry(
    spec: dict[str, Any], answer: Answer, template: dict[str, Any], path: Path
) -> dict[str, Any]:
    """The requirement's own place in the file, made where there is none."""
    one = answer.official
    listed = spec.setdefault(one.category, CommentedSeq())
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise SettingsError(f"{path}: spec.{one.category} is no list of requirements.")
    found = [item for item in listed if item.get("id") == one.id]
    if len(found) > 1:
        raise SettingsError(f"{path}: spec.{one.category} has {one.id} {len(found)} times.")
    if not found:
        found = [next(item for item in template[one.category] if item["id"] == one.id)]
        listed.append(found[0])
    entry: dict[str, Any] = found[0]
    return entry


def _is_open(entry: Mapping[str, Any]) -> bool:
    """Whether nobody has answered there, or only an earlier run of ours has."""
    if not (entry.get("status") or entry.get("evidence")):
        return True
    notes = str(entry.get("notes") or "").removeprefix(f"{_REHEARSAL} ")
    return notes.startswith((MEASURED, STATED))


def _fill(entry: dict[str, Any], answer: Answer, evidence: list[str], *, simulated: bool) -> None:
    official = answer.official
    for name, text in (("description", official.description), ("level", str(official.level))):
        if entry.get(name) != text:
            entry[name] = Quoted(text)
    if not answer.status and not entry.get("status"):
        return
    entry["status"] = Quoted(answer.status)
    entry["evidence"] = CommentedSeq(Quoted(one) for one in evidence)
    notes = f"{_REHEARSAL} {answer.notes}" if simulated and answer.notes else answer.notes
    entry["notes"] = Quoted(notes)
