"""Names of folders and files of evidence, whatever a check or its parameters are called."""

import hashlib
import re
import unicodedata

DERIVED = ("index.html", "junit-report.xml", "ctrf.json", "summary.md")
"""What is made from records and is none; `aicr-pytest report` makes it again, byte for byte."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_PARAMETRISED = re.compile(r"([A-Za-z0-9_]+)\[([A-Za-z0-9._]+(?:-[A-Za-z0-9._]+)*)\]")
_RESERVED = {"assets"}
"""pytest-html writes a folder of this name into the run's directory."""
_LONGEST = 100
"""Characters of one name; file systems allow 255 bytes, and temporary names need some of them."""


def folder_name(name: str) -> str:
    """A folder name without spaces or brackets; different names never share one.

    ``test_x[a]`` becomes ``test_x-a``, which no Python function can be called. Every other change
    loses something, and so a piece of the name's hash is added.
    """
    if parts := _PARAMETRISED.fullmatch(name):
        readable = f"{parts[1]}-{parts[2]}"
        lossy = False
    else:
        readable = name
        # A plain name with a dash could be what test_x[a] becomes.
        lossy = not _PLAIN.fullmatch(name) or "-" in name or name in _RESERVED
    if lossy or len(readable) > _LONGEST:
        digest = hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:8]
        return f"{slug(readable, _LONGEST - 9, 'check')}-{digest}"
    return readable


def check_folder(requirement: str, check: str) -> str:
    """Where the evidence of a check lies, relative to the run's directory."""
    return f"{folder_name(requirement)}/{folder_name(check)}"


def slug(text: str, longest: int, otherwise: str) -> str:
    """Letters, digits, dots, underscores and single dashes of a text; may be the same for two."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    words = re.sub(r"[^A-Za-z0-9_.]+", "-", ascii_text).strip("-.")
    return words[:longest].rstrip("-.") or otherwise
