"""The marks of the plugin: what checks carry, and what is added so that ``-m`` can select them."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from aicr_pytest.requirements.catalogue import Level

OWN_MARKS = (
    (
        "requirement(id): the conformance requirement that the checks of this module prove "
        "(aicr-pytest); selects by the marks of `pytest --aicr --markers`"
    ),
    (
        "aicr_check(requirement, proves, basis, creates, accelerators, seconds): a conformance "
        "check (aicr-pytest). requirement: its id, where the module does not say it; proves: one "
        "sentence, else the first line of the docstring; basis: text, plan or hardening; creates: "
        "what it puts on the cluster; accelerators: how many it holds at once; seconds: about how "
        "long it takes"
    ),
)
"""Registered in every run."""
_OF_CHECKS = ("aicr_check", "requirement")

_LEVEL_MARKS = {
    "must": "checks of requirements that are a MUST in the applicable list",
    "should": "checks of requirements that are a SHOULD in the applicable list",
    "conformance": "every conformance check",
}


def selecting_marks() -> frozenset[str]:
    """Marks that are added to checks at collection and that ``-m`` selects by."""
    from aicr_pytest.requirements.catalogue import mark_names

    return frozenset(mark_names()) | frozenset(_LEVEL_MARKS)


def words_of(expression: str) -> set[str]:
    """The marks that an expression of ``-m`` names."""
    names_only = re.sub(r"\([^()]*=[^()]*\)", "", expression)  # mark(argument='value')
    return set(re.findall(r"[\w-]+", names_only)) - {"and", "or", "not"}


def near_misses(expression: str, registered: "Iterable[str]") -> dict[str, str]:
    """Word of an expression that is no mark → the mark of ours that it nearly is.

    Args:
        registered: the lines of pytest's ``markers``.
    """
    import difflib

    ours = sorted(selecting_marks())
    known = {re.split(r"[:(]", line, maxsplit=1)[0].strip() for line in registered} | {*ours}
    found = {
        word: difflib.get_close_matches(word, ours, n=1, cutoff=0.75)
        for word in sorted(words_of(expression) - known)
    }
    return {word: near[0] for word, near in found.items() if near}


def register_own(config: "pytest.Config") -> None:
    """Make the marks known that a check is written with."""
    for line in OWN_MARKS:
        config.addinivalue_line("markers", line)


def register_selecting(config: "pytest.Config") -> None:
    """Make the marks known that checks get at collection; generic names, so only where asked."""
    from aicr_pytest.requirements.catalogue import REQUIREMENTS

    for requirement in REQUIREMENTS:
        for mark in requirement.marks:
            other = "" if mark == requirement.id else f" ({requirement.id})"
            config.addinivalue_line("markers", f"{mark}: {requirement.title}{other}")
    for mark, meaning in _LEVEL_MARKS.items():
        config.addinivalue_line("markers", f"{mark}: {meaning}")


def level_mark(level: "Level") -> str | None:
    """The mark of a level; None for a requirement that is not listed."""
    return {"MUST": "must", "SHOULD": "should"}.get(level)


def is_check(item: "pytest.Item") -> bool:
    """Whether an item is a check: one of the suite, or one that says so itself.

    ``requirement`` is a common word: elsewhere it is somebody else's mark.
    """
    if item.get_closest_marker("aicr_check") is not None:
        return True
    if item.get_closest_marker("requirement") is None:
        return False
    from aicr_pytest.locations import in_suite

    return in_suite(item.path)


def hold_checks(items: "Iterable[pytest.Item]") -> bool:
    """Whether any of the items is a check; each of the nodes above them is looked at once."""
    looked_at: set[int] = set()
    for item in items:
        for node in item.iter_parents():
            if id(node) in looked_at:
                break
            looked_at.add(id(node))
            if any(mark.name in _OF_CHECKS for mark in node.own_markers) and is_check(item):
                return True
    return False
