"""From the outcomes of checks to the verdict of a requirement: the one place where it is computed.

The first that fits:

1. ``Not Implemented``: a deciding check failed, or no solution is there;
2. ``Inconclusive``: a deciding check errored, was inconclusive, was skipped or did not run;
3. ``Unknown``: a deciding check met accelerators or signs of a product that we do not know;
4. ``N/A``: by the user's word and reason;
5. ``Implemented``: every deciding check that applies passed, and at least one did.

Checks of basis ``text`` and ``plan`` decide; ``hardening`` ones are findings, unless strict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aicr_pytest.evidence.record import NOT_LOOKED_AT, Outcome
from aicr_pytest.evidence.run import CheckResult, Verdict

_COULD_NOT_LOOK: tuple[Outcome, ...] = ("inconclusive", "error", "skipped", "not run")
_FOR_NOTHING: tuple[Outcome, ...] = ("not applicable",)
NOT_APPLICABLE = "by the user's word: "
"""How the reason of ``N/A`` begins; the user's own follows."""
_MOST_LISTED = 3
"""Checks that a reason names one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict, why, and what else has to be said."""

    verdict: Verdict
    """Of the requirement."""
    reason: str
    """One sentence."""
    more: str = ""
    """What else the check says on which the verdict rests where none failed, e.g. the way out."""
    findings: tuple[str, ...] = ()
    """Hardening checks that did not pass, one line each; they decide nothing here."""


def judge(
    checks: Sequence[CheckResult],
    *,
    not_applicable: str = "",
    strict: bool = False,
    left_behind: Iterable[str] = (),
) -> Judgement:
    """The verdict of one requirement.

    Args:
        checks: all checks of the requirement, also those that were not selected ("not run").
        not_applicable: the user's reason; empty where the user said nothing.
        strict: hardening checks decide, too.
        left_behind: what stayed on the cluster; it is said and changes no verdict.
    """
    deciding = [check for check in checks if strict or check.basis != "hardening"]
    verdict, reason = _decide(deciding, not_applicable)
    failed = any(check.outcome == "failed" for check in deciding)  # pytest shows those whole
    telling = None if failed else _telling(deciding)
    findings = tuple(
        f"{check.title}: {_first_line(check.message) or check.outcome}"
        for check in checks
        if check not in deciding and check.outcome not in ("passed", *_FOR_NOTHING)
    )
    stays = sum(1 for text in left_behind if text)
    if stays:
        reason += f"; {stays} check{'s' * (stays > 1)} left something behind on the cluster"
    more = telling.message.strip().partition("\n")[2] if telling else ""
    return Judgement(verdict=verdict, reason=reason, more=more, findings=findings)


def _decide(deciding: Sequence[CheckResult], not_applicable: str) -> tuple[Verdict, str]:
    if failed := [check for check in deciding if check.outcome == "failed"]:
        return "Not Implemented", _because(failed, deciding, "failed")
    if absent := [check for check in deciding if check.outcome == "absent"]:
        return "Not Implemented", _first_line(absent[0].message) or "no solution is there"
    if blind := [check for check in deciding if check.outcome in _COULD_NOT_LOOK]:
        return "Inconclusive", _blind_reason(blind, deciding)
    if unknown := [check for check in deciding if check.outcome == "unknown"]:
        return "Unknown", _because(unknown, deciding, "met what the suite does not know")
    if not_applicable:
        return "N/A", f"{NOT_APPLICABLE}{not_applicable}"
    passed = [check for check in deciding if check.outcome == "passed"]
    if not passed:
        what = "no deciding check applies" if deciding else "there was no deciding check to run"
        return "Inconclusive", what
    rest = len(deciding) - len(passed)
    others = f", {rest} {'do' if rest > 1 else 'does'} not apply" if rest else ""
    parts = [_first_line(c.message) for c in passed if c.message.startswith(NOT_LOOKED_AT)]
    left_out = f"; {parts[0]}" if parts else ""
    ran = f"{len(passed)} of {len(deciding)} deciding checks passed{others}"
    return "Implemented", f"{ran}{left_out}"


def _telling(deciding: Sequence[CheckResult]) -> CheckResult | None:
    """The check that a verdict without a failure rests on; None where all is well."""
    for outcomes in (("absent",), ("inconclusive", "error", "skipped"), ("unknown",)):
        for check in deciding:
            if check.outcome in outcomes:
                return check
    return None


def _blind_reason(blind: Sequence[CheckResult], deciding: Sequence[CheckResult]) -> str:
    not_run = [check.title for check in blind if check.outcome == "not run"]
    more = f"; not run: {_listed(not_run)}" if not_run else ""
    if len(not_run) == len(blind):
        return f"{len(deciding) - len(not_run)} of {len(deciding)} deciding checks ran{more}"
    # An error says more than a check that was never started.
    told = next(check for check in blind if check.outcome != "not run")
    could_look = len(deciding) - len(blind)
    ran = f"; {could_look} of {len(deciding)} deciding checks could look"
    return f"{told.title}: {_first_line(told.message) or told.outcome}{ran}{more}"


def _listed(titles: Sequence[str]) -> str:
    more = f" and {len(titles) - _MOST_LISTED} more" if len(titles) > _MOST_LISTED else ""
    return ", ".join(titles[:_MOST_LISTED]) + more


def _because(those: Sequence[CheckResult], deciding: Sequence[CheckResult], what: str) -> str:
    first = those[0]
    told = f"{first.title}: {_first_line(first.message)}" if first.message else first.title
    return f"{len(those)} of {len(deciding)} deciding checks {what}: {told}"


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0].strip()
    return line if len(line) <= 240 else f"{line[:239]}…"
