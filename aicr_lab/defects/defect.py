"""What a defect is: one thing broken, the check that must notice, the verdict that must follow."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aicr_lab.defects.ways import Way
from aicr_lab.lab import Lab

Expected = Literal["Not Implemented", "Inconclusive", "Implemented"]
Basis = Literal["text", "plan", "hardening"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing broken on purpose."""

    id: str
    """As in the list of checks, without ``d:``."""
    requirement: str
    """Id of the requirement whose checks must notice; empty: any, the defect cuts across."""
    sentence: str
    """What is broken."""
    way: Way
    """How it is broken and mended."""
    aimed_at: str = ""
    """The check that must turn red, for this reason; empty where none may."""
    turns_red: frozenset[str] = frozenset()
    """Checks that may turn red beside it, since they see the same fault."""
    expects: Expected = "Not Implemented"
    """Verdict of the requirement while the defect is there; a failed ``hardening`` check is a
    finding and leaves it ``Implemented``."""
    basis: Basis = "text"
    """Basis of the check aimed at."""
    kubeconfig: Callable[[Lab], Path] = lambda lab: lab.kubeconfig
    """With which credentials the suite runs; the admin's but where those are what is broken."""

    def inject(self, lab: Lab) -> None:
        """Breaks the lab; returns when the effect is there."""
        self.way.inject(lab)

    def heal(self, lab: Lab) -> None:
        """Mends the lab; fine when it is not broken."""
        self.way.heal(lab)
