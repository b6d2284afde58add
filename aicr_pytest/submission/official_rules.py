"""The rules of the programme's validator, in its two generations, as far as they need no network.

Facts of scripts/validate.go of cncf/k8s-ai-conformance; the words are ours.
"""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from aicr_pytest.requirements.catalogue import BY_ID, Level
from aicr_pytest.submission.artifacts import READERS, TESTS, Results, read_artifact
from aicr_pytest.submission.product import (
    CONFORMANCE_URL,
    LOGOS,
    METADATA,
    STATUSES,
    is_placeholder,
)
from aicr_pytest.submission.rule import OFFICIAL, Rule, Whose
from aicr_pytest.submission.submitted import Entry, Submitted

_FIRST_WITH_ARTIFACTS = (1, 37)
"""Kubernetes version from which artifacts of upstream's suite are recommended."""
_PRODUCT = re.compile(r"v\d+\.\d+/[^/]+/")
_FIELDS = {"kubernetesVersion": True} | {one.name: one.required for one in METADATA}


def is_url(evidence: str) -> bool:
    """Whether the programme asks the network for it, rather than the folder."""
    return evidence.startswith(("http://", "https://"))


def file_of(submitted: Submitted, evidence: str) -> tuple[Path, str]:
    """The file that a piece of evidence names, as since September 2026, and the test in it.

    Raises:
        ValueError: it names none inside the product's folder.
    """
    raw, _, test = evidence.strip().removeprefix("file://").partition("#")
    raw = raw.strip().removeprefix("/")
    if not raw:
        raise ValueError("no file is named")
    own = f"{submitted.folder.parent.name}/{submitted.folder.name}/"
    if raw.startswith(own):
        raw = raw.removeprefix(own)
    elif _PRODUCT.match(raw):
        raise ValueError("it lies in another product's folder")
    clean = os.path.normpath(raw)
    if clean in (".", "..") or clean.startswith("../"):
        raise ValueError("it lies outside of the product's folder")
    return submitted.folder / clean, test


def _readable(submitted: Submitted) -> Iterator[str]:
    if submitted.trouble:
        yield submitted.trouble


def _sections(submitted: Submitted) -> Iterator[str]:
    for name in () if submitted.trouble else ("metadata", "spec"):
        if getattr(submitted, name) is None:
            yield f"{name} is missing"


def _metadata(submitted: Submitted) -> Iterator[str]:
    for name, required in _FIELDS.items() if submitted.metadata is not None else ():
        value = submitted.value(name)
        if value is None:
            if required:
                yield f"metadata.{name} is missing"
        elif not isinstance(value, str):
            yield f"metadata.{name} is no string: {value!r}"
        elif not value:
            if required:
                yield f"metadata.{name} is empty"
        elif is_placeholder(value):
            yield f"metadata.{name} is a placeholder: {value}"


def _conformance_url(submitted: Submitted) -> Iterator[str]:
    url = submitted.text("k8sConformanceUrl")
    if url and not is_placeholder(url) and not CONFORMANCE_URL.fullmatch(url):
        yield f"metadata.k8sConformanceUrl is no folder of cncf/k8s-conformance: {url}"


def _logo(submitted: Submitted) -> Iterator[str]:
    url = submitted.text("productLogoUrl")
    if url.startswith("http") and not url.lower().endswith(LOGOS):
        yield f"metadata.productLogoUrl is no vector picture ({', '.join(LOGOS)}): {url}"


def _whole(submitted: Submitted) -> Iterator[str]:
    there = {entry.official.id for entry in submitted.entries}
    missing: set[str] = set()
    for one in submitted.official.requirements if submitted.spec is not None else ():
        if one.category not in (submitted.spec or {}):
            if one.category not in missing:
                yield f"spec.{one.category} is missing"
            missing.add(one.category)
        elif one.id not in there:
            yield f"{one.id} is missing in spec.{one.category}"


def _answered(submitted: Submitted) -> list[Entry]:
    return [entry for entry in submitted.entries if not entry.is_left_open]


def _statuses(submitted: Submitted) -> Iterator[str]:
    for entry in _answered(submitted):
        if entry.status not in STATUSES:
            yield f"{entry.official.id}: status {entry.status!r} is none of {', '.join(STATUSES)}"


def _may_be_not_applicable(entry: Entry) -> bool:
    requirement = BY_ID.get(entry.official.id)
    return requirement is not None and requirement.may_be_not_applicable


def _musts_first(submitted: Submitted) -> Iterator[str]:
    for entry in _answered(submitted):
        if entry.official.level is Level.MUST and entry.status != "Implemented":
            yield f"{entry.official.id}: is a MUST and {entry.status or 'has no status'!r}"


def _musts_now(submitted: Submitted) -> Iterator[str]:
    excused = {e.official.id for e in _excused(submitted)}
    for line in _musts_first(submitted):
        if line.partition(":")[0] not in excused:
            yield line


def _excused(submitted: Submitted) -> list[Entry]:
    return [
        entry
        for entry in _answered(submitted)
        if entry.official.level is Level.MUST
        and entry.status == "N/A"
        and _may_be_not_applicable(entry)
    ]


def _excuses(submitted: Submitted) -> Iterator[str]:
    for entry in _excused(submitted):
        yield f"{entry.official.id}: is a MUST and N/A; a reviewer will weigh the reason in notes"


def _notes_first(submitted: Submitted) -> Iterator[str]:
    for entry in _answered(submitted):
        if entry.status == "N/A" and not entry.notes:
            yield f"{entry.official.id}: is N/A and says in no notes why"


def _notes_now(submitted: Submitted) -> Iterator[str]:
    for entry in _answered(submitted):
        if entry.status == "N/A" and not entry.notes.strip():
            yield f"{entry.official.id}: is N/A and says in no notes why"


def _files_first(submitted: Submitted) -> Iterator[str]:
    for entry, evidence in _local(submitted):
        try:
            os.stat(submitted.folder / evidence.lstrip("/"))  # noqa: PTH116 - its errno is wanted
        except OSError as error:
            if error.errno == errno.ENOENT:
                yield f"{entry.official.id}: {_shown(evidence)} is no file of {submitted.name}"
        except ValueError:
            continue  # a NUL, at which the programme's validator does not stop either


def _files_now(submitted: Submitted) -> Iterator[str]:
    for entry, evidence in _local(submitted):
        name = entry.official.id
        try:
            path, _ = file_of(submitted, evidence)
            os.stat(path)  # noqa: PTH116 - as above
        except ValueError as error:
            yield f"{name}: {_shown(evidence)}: {error}"
        except OSError as error:
            if error.errno == errno.ENOENT:
                yield f"{name}: {_shown(evidence)} is no file of {submitted.name}"


def _artifacts(submitted: Submitted) -> Iterator[str]:
    read: dict[Path, Results | None] = {}
    for entry, evidence in _local(submitted):
        found = _artifact(submitted, evidence)
        if found is None:
            continue
        path, test = found
        if path not in read:
            read[path] = None
            try:
                read[path] = results = read_artifact(path)
            except (OSError, ValueError) as error:
                yield f"{entry.official.id}: {path.name} holds no results of tests: {error}"
                continue
            if results.failures:
                yield f"{path.name} holds tests that failed: {', '.join(results.failures)}"
        if (results_of := read[path]) is not None:
            yield from _test(entry, results_of, test, path.name)


def _test(entry: Entry, results: Results, named: str, file: str) -> Iterator[str]:
    name = entry.official.id
    if not (test := named or TESTS.get(name, "")):
        return
    outcome = results.of(test)
    if outcome is None:
        yield f"{name}: {file} knows no {test}"
    elif outcome == "failed":
        yield f"{name}: {test} failed in {file}"
    elif outcome == "skipped" and entry.status == "Implemented":
        yield f"{name}: is Implemented, and {test} was skipped in {file}"


def _artifact(submitted: Submitted, evidence: str) -> tuple[Path, str] | None:
    try:
        path, test = file_of(submitted, evidence)
        return (path, test) if path.name.lower() in READERS and path.exists() else None
    except (OSError, ValueError):
        return None


def _without_artifacts(submitted: Submitted) -> Iterator[str]:
    version = tuple(int(part) for part in submitted.official.version.split("."))
    for entry in _answered(submitted) if version >= _FIRST_WITH_ARTIFACTS else ():
        test = TESTS.get(entry.official.id)
        shown = any(not is_url(one) and _artifact(submitted, one) for one in entry.evidence)
        if test and entry.status == "Implemented" and not shown:
            yield f"{entry.official.id}: upstream's {test} is recommended as evidence"


def _local(submitted: Submitted) -> Iterator[tuple[Entry, str]]:
    for entry in _answered(submitted):
        for evidence in entry.evidence:
            if not is_url(evidence):
                yield entry, evidence


def _shown(evidence: str) -> str:
    return repr(evidence if len(evidence) <= 80 else f"{evidence[:80]}…")


_FIRST, _NOW = (Whose.AUGUST,), (Whose.SEPTEMBER,)
OFFICIAL_RULES = (
    Rule(name="readable", whose=OFFICIAL, look=_readable),
    Rule(name="sections", whose=OFFICIAL, look=_sections),
    Rule(name="metadata", whose=OFFICIAL, look=_metadata),
    Rule(name="k8s-conformance-url", whose=OFFICIAL, look=_conformance_url),
    Rule(name="vector-logo", whose=_NOW, look=_logo),
    Rule(name="all-requirements", whose=OFFICIAL, look=_whole),
    Rule(name="known-status", whose=OFFICIAL, look=_statuses),
    Rule(name="must-is-implemented", whose=_FIRST, look=_musts_first),
    Rule(name="must-is-implemented-or-excused", whose=_NOW, look=_musts_now),
    Rule(name="must-is-excused", whose=_NOW, look=_excuses, warns=True),
    Rule(name="not-applicable-has-notes", whose=_FIRST, look=_notes_first),
    Rule(name="not-applicable-has-words", whose=_NOW, look=_notes_now),
    Rule(name="evidence-file-exists", whose=_FIRST, look=_files_first),
    Rule(name="evidence-file-is-inside", whose=_NOW, look=_files_now),
    Rule(name="artifact-agrees", whose=_NOW, look=_artifacts),
    Rule(name="artifact-is-recommended", whose=_NOW, look=_without_artifacts, warns=True),
)
"""All that the programme's validators look at offline; in their order."""
