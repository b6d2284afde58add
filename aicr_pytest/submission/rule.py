"""What a rule is: whose, what it is called, and how it looks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from aicr_pytest.submission.submitted import Submitted


class Whose(StrEnum):
    """Who holds a submission against a rule."""

    AUGUST = "the programme's validator of August 2026"
    SEPTEMBER = "the programme's validator of September 2026"
    OURS = "aicr-pytest"


OFFICIAL = (Whose.AUGUST, Whose.SEPTEMBER)
"""Rules that both generations of the programme's validator have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule."""

    name: str
    """A few words, with dashes."""
    whose: tuple[Whose, ...]
    """Who has it."""
    look: Callable[[Submitted], Iterable[str]]
    """One line for each thing that is wrong; none where all is well."""
    warns: bool = False
    """Whether it is told and refuses nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule has to say."""

    rule: Rule
    """Which."""
    message: str
    """What is wrong, and where."""
