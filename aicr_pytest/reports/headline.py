"""A run in one sentence, and what of it fell short, for who reads nothing else."""

import dataclasses
from collections.abc import Sequence

from aicr_pytest.evidence.names import folder_name
from aicr_pytest.evidence.record import NOT_LOOKED_AT, Outcome
from aicr_pytest.evidence.run import RunInfo
from aicr_pytest.reports.view import CheckView, RequirementView, RunView

_TRIED = "tried "


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """Checks that did not pass for one kind of reason."""

    title: str
    """What that means for the platform."""
    tone: str
    """Chooses a colour."""
    checks: tuple[tuple[RequirementView, CheckView], ...]
    """With their requirements; at least one."""


_KINDS: tuple[tuple[str, str, bool, tuple[Outcome, ...]], ...] = (
    ("The platform was seen to break these", "bad", False, ("failed",)),
    ("There is nothing that could do these", "bad", False, ("absent",)),
    (
        "These could not be looked at: that accuses nobody, and proves nothing",
        "unsure",
        False,
        ("inconclusive", "unknown", "error"),
    ),
    ("Findings: broken too, though no requirement's words ask for it", "bad", True, ("failed",)),
    (
        "Hardening that could not be looked at",
        "quiet",
        True,
        ("absent", "inconclusive", "unknown", "error"),
    ),
)


def shortfalls(view: RunView) -> list[Shortfall]:
    """What did not pass, the worst first."""
    found = []
    for title, tone, beyond, outcomes in _KINDS:
        checks = tuple(
            (requirement, check)
            for requirement, check in view.checks
            if check.outcome in outcomes and (check.result.basis == "hardening") == beyond
        )
        if checks:
            found.append(Shortfall(title=title, tone=tone, checks=checks))
    return found


def sentence(run: RunInfo) -> str:
    """E.g. ``8 of 8 MUST of the 1.37 list are implemented; of 7 SHOULD, none was looked at.``"""
    if not run.requirements:
        return "No requirement was looked at."
    parts = [_of_level(run, level) for level in ("MUST", "SHOULD")]
    listed = f" of the Kubernetes {run.list_version} list" if run.list_version else ""
    told = [part for part in parts if part]
    if not told:
        return "No requirement of the list was looked at."
    first = told[0].replace("{list}", listed)
    return "; ".join([first, *(part.replace("{list}", "") for part in told[1:])]) + "."


def _of_level(run: RunInfo, level: str) -> str:
    looked = [one for one in run.requirements if one.level == level]
    rest = [one for one in run.not_looked_at if one.level == level]
    total = len(looked) + len(rest)
    if not total:
        return ""
    good = sum(one.verdict == "Implemented" for one in looked)
    if not looked:
        return f"none of {total} {level}{{list}} was looked at"
    unseen = f" ({len(rest)} not looked at)" if rest else ""
    verb = "is" if good == 1 else "are"
    return f"{good} of {total} {level}{{list}} {verb} implemented{unseen}"


def solutions(requirements: Sequence[RequirementView]) -> list[tuple[str, str]]:
    """Requirement → the solutions that were tried for it, with what came of each."""
    found = []
    for requirement in requirements:
        tried = {
            name.removeprefix(_TRIED): told
            for check in requirement.checks
            for name, told in check.kept.facts.items()
            if name.startswith(_TRIED)
        }
        if tried:
            told = ", ".join(
                name if word == "passes" else f"{name} ({_first_line(word)})"
                for name, word in tried.items()
            )
            found.append((requirement.result.id, told))
    return found


def parts_not_looked_at(view: RunView) -> list[tuple[str, CheckView, str, str]]:
    """Anchor of the requirement, check, which part it could not look at, and why."""
    return [
        (folder_name(requirement.result.id), check, name.removeprefix(NOT_LOOKED_AT), why)
        for requirement, check in view.checks
        for name, why in check.kept.facts.items()
        if name.startswith(NOT_LOOKED_AT)
    ]


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
