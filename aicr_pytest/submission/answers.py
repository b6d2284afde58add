"""What a PRODUCT.yaml says of each requirement: from the run, else from the vendor, else nothing.

What the run has measured nobody overrides, but for a vendor who claims less. What it could not look
at is asked for by the name of the field, and never invented. Other suites' results are evidence
beside that; where they say something else, the vendor's notes have to say why.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.run import Verdict
from aicr_pytest.reports.view import RequirementView
from aicr_pytest.requirements.catalogue import BY_ID, NOT_AUTOMATED, Level
from aicr_pytest.submission.imports import Imports, Told
from aicr_pytest.submission.measured import Measured
from aicr_pytest.submission.official import OfficialList, OfficialRequirement
from aicr_pytest.submission.product import STATUSES, Product, Statement

MEASURED, STATED = "Measured by aicr-pytest", "Stated by the vendor"
"""How notes begin that are written here; the first word says whose the answer is."""

_LESS = ("Partially Implemented", "Not Implemented")
_VENDOR_MAY: dict[tuple[Level, Verdict | None], tuple[str, ...]] = {
    (Level.MUST, "Unknown"): ("Implemented",),
    (Level.MUST, None): ("Implemented",),
    (Level.SHOULD, "Implemented"): ("Implemented", *_LESS),
    (Level.SHOULD, "Not Implemented"): _LESS,
    (Level.SHOULD, "N/A"): ("N/A",),
    (Level.SHOULD, "Inconclusive"): STATUSES,
    (Level.SHOULD, "Unknown"): STATUSES,
    (Level.SHOULD, None): STATUSES,
}
"""Level and verdict (None: nobody looked) → what the vendor may claim."""

_FROM_THE_RUN: dict[tuple[Level, Verdict], str] = {
    (Level.MUST, "Implemented"): "Implemented",
    (Level.SHOULD, "Implemented"): "Implemented",
    (Level.SHOULD, "Not Implemented"): "Not Implemented",
    (Level.SHOULD, "N/A"): "N/A",
}
"""What follows from a verdict alone; N/A of a MUST depends on the requirement."""

_NEEDS = {
    "Implemented": ("evidence",),
    "Partially Implemented": ("evidence", "notes"),
    "Not Implemented": (),
    "N/A": ("notes",),
}
"""What has to stand beside a status that the vendor gives."""

_SAW: tuple[Verdict, ...] = ("Implemented", "Not Implemented", "Unknown")
"""Verdicts of a run that has looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is submitted of one requirement."""

    official: OfficialRequirement
    """Whose it is."""
    status: str = ""
    """In the programme's spelling; empty for a SHOULD of which nobody says anything."""
    notes: str = ""
    """For the reviewer; begins with who says so."""
    measured: RequirementView | None = None
    """The run's checks, where it has any."""
    stated: tuple[str, ...] = ()
    """The vendor's evidence, as product.yaml names it."""
    told: tuple[Told, ...] = ()
    """What other suites say of it."""

    @property
    def contradictions(self) -> tuple[Told, ...]:
        """Those that claim something else."""
        return tuple(one for one in self.told if one.contradicts(self.status))

    @property
    def page(self) -> str:
        """Name of the page that shows what the run saw; empty where it saw nothing."""
        saw = self.status and self.measured and self.measured.result.verdict in _SAW
        return f"{self.official.id}.md" if saw else ""

    @property
    def by(self) -> str:
        """Whose word it is."""
        return self.notes.partition(" ")[0] or "nobody"


def answer_all(
    official: OfficialList, measured: Measured, product: Product, imports: Imports
) -> list[Answer]:
    """Every requirement of the list, in its order.

    Raises:
        SettingsError: a MUST is not met, or something has to be said by the vendor; names all.
    """
    answers: list[Answer] = []
    shortfalls: list[str] = []
    for one in official.requirements:
        said = product.statements.get(one.id, Statement())
        asked = _Asked(one, measured, said, imports.of(one.id))
        shortfalls += asked.shortfalls()
        answers.append(asked.answer())
    if shortfalls:
        listed = "\n  ".join(shortfalls)
        raise SettingsError(f"Nothing was written; {len(shortfalls)} to see to:\n  {listed}")
    return answers


class _Asked:
    """One requirement, its verdict and the vendor's word."""

    def __init__(
        self,
        one: OfficialRequirement,
        measured: Measured,
        said: Statement,
        told: tuple[Told, ...],
    ) -> None:
        self._one = one
        self._run = measured.view.run
        self._seen = measured.of(one.id)
        self._said = said
        self._told = told

    @property
    def _verdict(self) -> Verdict | None:
        return self._seen.result.verdict if self._seen else None

    @property
    def _by_the_run(self) -> str:
        if self._verdict is None:
            return ""
        requirement = BY_ID.get(self._one.id)
        if self._verdict == "N/A" and requirement and requirement.may_be_not_applicable:
            return "N/A"
        return _FROM_THE_RUN.get((self._one.level, self._verdict), "")

    @property
    def _status(self) -> str:
        return self._said.status or self._by_the_run

    def answer(self) -> Answer:
        """What is submitted, once there are no shortfalls."""
        return Answer(
            official=self._one,
            status=self._status,
            notes=" ".join(self._notes()),
            measured=self._seen,
            stated=self._said.evidence,
            told=self._told,
        )

    def shortfalls(self) -> Iterator[str]:
        """What keeps it from being submitted."""
        name = f"requirements.{self._one.id}"
        if self._said.status and self._said.status != self._by_the_run:
            yield from self._vendors_shortfalls(name)
        elif not self._status and self._one.level is Level.MUST:
            yield self._what_a_must_lacks(name)
        elif not self._status and (self._said.evidence or self._said.notes):
            yield f"{name}.status: is missing beside its evidence or notes"
        if not self._said.notes:
            for one in self._told:
                if one.contradicts(self._status):
                    yield f"{name}.notes: say why it is {self._status!r}, though {one}"

    def _vendors_shortfalls(self, name: str) -> Iterator[str]:
        if self._verdict is None and self._one.level is Level.MUST and _has_checks(self._one.id):
            yield self._what_a_must_lacks(name)
        elif self._said.status not in _VENDOR_MAY.get((self._one.level, self._verdict), ()):
            says = f"says {self._verdict}" if self._verdict else "has not looked"
            yield f"{name}.status: cannot be {self._said.status!r}, for the run {says}"
        wanted: Sequence[str] = _NEEDS[self._said.status]
        if self._one.level is Level.MUST:
            wanted = ("evidence", "notes")
        for field in wanted:
            is_told = field == "evidence" and any(one.outcome == "passed" for one in self._told)
            if not (is_told or getattr(self._said, field)):
                yield f"{name}.{field}: is needed beside {self._said.status!r}"

    def _what_a_must_lacks(self, name: str) -> str:
        level = f"{self._one.id} is a MUST"
        if self._verdict == "Unknown":
            return (
                f"{name}: {level}, and the run met what the suite does not know. Say how it is "
                f"met: status, evidence and notes. {self._reason}"
            )
        if self._verdict is not None:
            return f"{level} and is {self._verdict}: {self._reason}"
        if _has_checks(self._one.id):
            return f"{level} and was not looked at; run all of the suite"
        return f"{name}: {level} that no check looks at. Say how: status, evidence and notes"

    @property
    def _reason(self) -> str:
        return self._seen.result.reason if self._seen else ""

    def _notes(self) -> Iterator[str]:
        run = self._run
        version = run.versions.get("aicr_pytest", "")
        reason = self._reason.rstrip(".")
        if self._status == "N/A" == self._by_the_run:
            yield f"{STATED} when aicr-pytest {version} ran: {reason}."
        elif self._status and self._status == self._by_the_run:
            where = f"in run {run.run_id} on Kubernetes {run.cluster.version}"
            yield f"{MEASURED} {version} {where}: {reason}."
        elif self._status and self._verdict is not None:
            yield f"{STATED}; aicr-pytest {version} says {self._verdict}: {reason}."
        elif self._status:
            yield f"{STATED}; aicr-pytest {version} has not looked at it."
        for one in self._told:
            if self._status and one.contradicts(self._status):
                yield f"This contradicts another suite: {one}."
            elif self._status and one.outcome == "skipped":
                yield f"Not tested by another suite: {one}."
        if self._said.notes:
            yield self._said.notes


def _has_checks(requirement: str) -> bool:
    return requirement in BY_ID and requirement not in NOT_AUTOMATED
