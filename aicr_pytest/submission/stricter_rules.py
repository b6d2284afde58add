"""Rules of ours, about what a reviewer would otherwise have to find."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from aicr_pytest.reports.formatting import size
from aicr_pytest.submission.artifacts import READERS
from aicr_pytest.submission.draft import STAMP
from aicr_pytest.submission.official_rules import file_of, is_url
from aicr_pytest.submission.product_yaml import FILE
from aicr_pytest.submission.rule import Rule, Whose
from aicr_pytest.submission.scanner import in_prose
from aicr_pytest.submission.submitted import Submitted

_PLACEHOLDER = re.compile(
    r"\b(TODO|TBD|FIXME|XXX|lorem ipsum)\b|\[(your|insert|add|vendor|product|platform)\b[^\]]*\]"
    r"|https?://([\w-]+\.)*example\.(com|org|net)\b"
)
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)")
_MACHINE = re.compile(r"^(file://)?(/(home|Users|root|tmp)/|~/|[A-Za-z]:\\)")
_LARGEST_FILE = 10 * 1024 * 1024
"""Bytes of one file; GitHub shows none that is larger than half of that, and warns at 50 MiB."""
_LARGEST_FOLDER = 50 * 1024 * 1024
"""Bytes of a product's folder, which everybody clones."""


def _unchanged(submitted: Submitted) -> Iterator[str]:
    for entry in submitted.entries:
        for field in ("description", "level"):
            if getattr(entry, field) != str(getattr(entry.official, field)):
                yield f"{entry.official.id}: {field} is not the programme's own text"


def _twice(submitted: Submitted) -> Iterator[str]:
    for one in submitted.official.requirements:
        times = sum(item.get("id") == one.id for item in submitted.listed(one.category))
        if times > 1:
            yield f"{one.id} stands {times} times in spec.{one.category}"


def _version(submitted: Submitted) -> Iterator[str]:
    told, version = submitted.text("kubernetesVersion"), submitted.official.version
    if told and not re.match(rf"v?{re.escape(version)}(\D|$)", told):
        yield f"metadata.kubernetesVersion is {told}, and the folder is v{version}"


def _shown(submitted: Submitted) -> Iterator[str]:
    for entry in submitted.entries:
        if entry.status == "Implemented" and not any(one.strip() for one in entry.evidence):
            yield f"{entry.official.id}: is Implemented, and no evidence is named"


def _filled(submitted: Submitted) -> Iterator[str]:
    for entry in submitted.entries:
        for text in (entry.notes, *entry.evidence):
            if found := _PLACEHOLDER.search(text):
                yield f"{entry.official.id}: {found[0]!r} is a placeholder"
    for name in submitted.metadata or {}:
        if found := _PLACEHOLDER.search(submitted.text(name)):
            yield f"metadata.{name}: {found[0]!r} is a placeholder"


def _partly_says_why(submitted: Submitted) -> Iterator[str]:
    for entry in submitted.entries:
        if entry.status == "Partially Implemented" and not entry.notes.strip():
            yield f"{entry.official.id}: is Partially Implemented, and says in no notes what lacks"


def _elsewhere(submitted: Submitted) -> Iterator[str]:
    for entry in submitted.entries:
        for one in entry.evidence:
            if _MACHINE.match(one):
                yield f"{entry.official.id}: {one!r} is a path of somebody's machine"


def _not_empty(submitted: Submitted) -> Iterator[str]:
    for path in submitted.files:
        if not path.stat().st_size and path.name != ".gitkeep":
            yield f"{_name(submitted, path)} is empty"


def _sizes(submitted: Submitted) -> Iterator[str]:
    whole = 0
    for path in submitted.files:
        whole += (one := path.stat().st_size)
        if one > _LARGEST_FILE:
            yield f"{_name(submitted, path)} has {size(one)}; at most {size(_LARGEST_FILE)}"
    if whole > _LARGEST_FOLDER:
        yield f"the folder has {size(whole)}; at most {size(_LARGEST_FOLDER)}"


def _links(submitted: Submitted) -> Iterator[str]:
    for path in submitted.files:
        if path.suffix.lower() != ".md":
            continue
        for target in _LINK.findall(_prose(path)):
            if re.match(r"[a-z][a-z0-9+.-]*:|#|//", target, re.IGNORECASE):
                continue
            name = unquote(target.partition("#")[0].partition("?")[0])
            root = submitted.folder.parent.parent if name.startswith("/") else path.parent
            if not _exists(root / name.lstrip("/")):
                yield f"{_name(submitted, path)}: links to {target}, which is not there"


def _prose(path: Path) -> str:
    """A page without its blocks of code, in which nothing is a link."""
    lines, fence = [], ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        mark = re.match(r"\s*(`{3,}|~{3,})", line)
        if fence:
            if mark and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
        elif mark:
            fence = mark[1]
        else:
            lines.append(re.sub(r"`[^`]*`", "", line))
    return "\n".join(lines)


def _unread(submitted: Submitted) -> Iterator[str]:
    """Names that only upstream's results should have: anything else under them is a trap."""
    named = set()
    for entry in submitted.entries:
        for one in entry.evidence:
            if not is_url(one):
                named.add(_file(submitted, one))
    for path in submitted.files:
        if path.name.lower() in READERS and path not in named:
            yield f"{_name(submitted, path)} is named as the evidence of no requirement"


def _one_product(submitted: Submitted) -> Iterator[str]:
    for path in submitted.files:
        if path.name == FILE and path.parent != submitted.folder:
            yield f"{_name(submitted, path)}: a second product in one folder"


def _secrets(submitted: Submitted) -> Iterator[str]:
    for path in submitted.files:
        if path.stat().st_size <= _LARGEST_FILE:
            yield from in_prose({_name(submitted, path): path.read_bytes()})


def _simulated(submitted: Submitted) -> Iterator[str]:
    stamped = [path for path in submitted.files if _is_stamped(path)]
    if stamped:
        first = _name(submitted, stamped[0])
        yield f"simulated: {len(stamped)} files say that this is a rehearsal, e.g. {first}"


def _is_stamped(path: Path) -> bool:
    if path.name.startswith(f"{STAMP}-"):
        return True
    if path.name != FILE and path.suffix != ".md":
        return False
    return STAMP in path.read_text(encoding="utf-8", errors="replace")[:4096]


def _file(submitted: Submitted, evidence: str) -> Path | None:
    try:
        return file_of(submitted, evidence)[0]
    except ValueError:
        return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long for any file
        return False


def _name(submitted: Submitted, path: Path) -> str:
    return path.relative_to(submitted.folder).as_posix()


_OURS = (Whose.OURS,)
STRICTER_RULES = (
    Rule(name="texts-unchanged", whose=_OURS, look=_unchanged),
    Rule(name="each-once", whose=_OURS, look=_twice),
    Rule(name="version-of-the-folder", whose=_OURS, look=_version),
    Rule(name="evidence-is-named", whose=_OURS, look=_shown),
    Rule(name="no-placeholder", whose=_OURS, look=_filled),
    Rule(name="partly-says-why", whose=_OURS, look=_partly_says_why),
    Rule(name="evidence-is-reachable", whose=_OURS, look=_elsewhere),
    Rule(name="no-empty-file", whose=_OURS, look=_not_empty),
    Rule(name="sizes", whose=_OURS, look=_sizes),
    Rule(name="links-lead-somewhere", whose=_OURS, look=_links),
    Rule(name="artifact-is-named", whose=_OURS, look=_unread),
    Rule(name="one-product", whose=_OURS, look=_one_product),
    Rule(name="no-secret", whose=_OURS, look=_secrets),
    Rule(name="not-simulated", whose=_OURS, look=_simulated),
)
"""What aicr-pytest wants beyond the programme."""
