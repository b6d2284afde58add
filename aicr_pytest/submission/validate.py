"""A submission held against all rules: ``aicr-pytest validate``."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aicr_pytest.submission.official_rules import OFFICIAL_RULES
from aicr_pytest.submission.online import online_rules
from aicr_pytest.submission.rule import Finding, Rule, Whose
from aicr_pytest.submission.stricter_rules import STRICTER_RULES
from aicr_pytest.submission.submitted import read_submitted

NOT_LOOKED_AT = "not looked at: URLs, and vendorName in the CNCF landscape (--online)"
"""What an offline look leaves open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A submission and what is wrong with it."""

    name: str
    """E.g. ``v1.37/analytical-engine``."""
    findings: tuple[Finding, ...]
    """In the order of the rules."""
    online: bool
    """Whether URLs were asked for."""

    def of(self, whose: Whose, *, warnings: bool = False) -> list[Finding]:
        """What one of those who judge refuses, or only warns of."""
        return [
            one for one in self.findings if whose in one.rule.whose and one.rule.warns == warnings
        ]

    @property
    def is_good(self) -> bool:
        """Whether today's programme would take it, and neither do we object."""
        return not (self.of(Whose.SEPTEMBER) or self.of(Whose.OURS))

    def as_lines(self) -> list[str]:
        """For the terminal: the verdict of each who judges, then every finding once."""
        lines = [self.name]
        for whose in Whose:
            refused, warned = len(self.of(whose)), len(self.of(whose, warnings=True))
            verdict = f"refuses ({refused})" if refused else "accepts"
            warning = f", warns ({warned})" * bool(warned)
            lines.append(f"  {whose}: {verdict}{warning}")
        for finding in self.findings:
            word = "warning" if finding.rule.warns else "error"
            lines.append(f"  {word}: {finding.message} [{finding.rule.name}]")
        return lines if self.online else [*lines, f"  {NOT_LOOKED_AT}"]


def validate(path: Path, checkout: Path | None, *, online: bool) -> Judged:
    """Hold a submission against all rules.

    Args:
        path: its folder, or the PRODUCT.yaml in it.
        checkout: where the programme's lists are; None: the one that the submission lies in.
        online: whether URLs and the CNCF landscape are asked for.

    Raises:
        SettingsError: there is no submission, or no list for it.
    """
    submitted = read_submitted(path, checkout)
    rules: Iterable[Rule] = (*OFFICIAL_RULES, *STRICTER_RULES)
    if online:
        rules = (*rules, *online_rules())
    findings = [
        Finding(rule=rule, message=message) for rule in rules for message in rule.look(submitted)
    ]
    return Judged(name=submitted.name, findings=tuple(_joined(findings)), online=online)


def _joined(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Findings of which two rules say the same in the same words once, with all who say it."""
    by_message: dict[str, Finding] = {}
    for one in findings:
        if (earlier := by_message.get(one.message)) is None:
            by_message[one.message] = one
            continue
        rule = earlier.rule
        by_message[one.message] = Finding(
            rule=Rule(
                name=rule.name,
                whose=tuple(dict.fromkeys((*rule.whose, *one.rule.whose))),
                look=rule.look,
                warns=rule.warns and one.rule.warns,
            ),
            message=one.message,
        )
    return by_message.values()
