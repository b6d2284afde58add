"""What a defect is: one thing broken, the check that must notice, the verdict that must follow."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aicr_lab.defects.injections.injection import Injection
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
    injection: Injection
    """How it is broken and mended."""
    expected_message: str
    """Regular expression that the check aimed at must say: it names what is really broken. Where no
    check may turn red it is found in the evidence or in a log of the lab, as proof that the run met
    the defect; empty where a healthy run shows no trace of it."""
    or_inconclusive_because: str = ""
    """Regular expression of what the check aimed at says where the defect, after a while, takes
    away what could be looked at: inconclusive for this reason is as right. Empty: it never does."""
    detected_by: str = ""
    """The check that must turn red (inconclusive, where that is expected), with its parameter in
    brackets; empty where none may, or whichever meets it first."""
    also_fails: frozenset[str] = frozenset()
    """Checks that may turn red or inconclusive beside it, since they see the same fault."""
    leaves_behind: bool = False
    """Whether the suite cannot remove all that it created, and says so."""
    expects: Expected = "Not Implemented"
    """Verdict of the requirement while the defect is there; a failed ``hardening`` check is a
    finding and leaves it ``Implemented``."""
    basis: Basis = "text"
    """Basis of the check aimed at."""
    kubeconfig: Callable[[Lab], Path] = lambda lab: lab.kubeconfig
    """With which credentials the suite runs; the admin's but where those are what is broken."""

    def inject(self, lab: Lab) -> None:
        """Break the lab; returns when the effect is there."""
        self.injection.inject(lab)

    def revert(self, lab: Lab) -> None:
        """Mends the lab; fine when it is not broken."""
        self.injection.revert(lab)
