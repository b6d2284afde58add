"""Discovery of solutions, and trying them in order until one passes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from aicr_pytest.errors import AicrError, DoesNotApply, Inconclusive, SolutionAbsent
from aicr_pytest.solutions.areas import area_of, solutions_of

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A solution that is installed."""

    where: str
    """Namespace and object that were found, or the API group that is served."""
    version: str = ""
    """As its image or API says; empty where nothing tells it."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else was learned, by name."""

    def __str__(self) -> str:
        told = [self.where, *([self.version] if self.version else [])]
        return ", ".join([*told, *(f"{name}: {value}" for name, value in self.facts.items())])


class Solution(Protocol):
    """One product; each area has a Protocol of its own that says what can be done with it."""

    @property
    def name(self) -> str:
        """As ``--aicr-solution`` takes it, e.g. ``kueue``."""

    @property
    def verified_in_lab(self) -> bool:
        """Whether our own truth tests ran against the product itself."""

    @property
    def looked_for(self) -> str:
        """What shows that it is installed, and where that is looked for; for people."""

    def found(self, cluster: "Cluster") -> Found | None:
        """Where it is installed; None where it is not."""


S = TypeVar("S", bound=Solution)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Generic[S]):
    """An installed solution."""

    solution: S
    """The product."""
    found: Found
    """Where it is."""

    def __str__(self) -> str:
        unseen = "" if self.solution.verified_in_lab else " (adapter not verified in the lab)"
        return f"{self.solution.name}{unseen}: {self.found}"


def discover(
    area: str,
    cluster: "Cluster",
    pinned: Mapping[str, str],
    *,
    known: Sequence[Solution] | None = None,
    settings: "Settings | None" = None,
) -> list[Candidate[Any]]:
    """The installed solutions of an area, in the order in which they are tried.

    Args:
        pinned: area → the only solution to look at.
        known: what is looked for; None: every solution of the area.
        settings: what else the user names, e.g. where the monitoring system is.

    Raises:
        SolutionAbsent: none is installed; says what was looked for.
    """
    wanted = [
        solution
        for solution in (solutions_of(area, settings) if known is None else known)
        if pinned.get(area, solution.name) == solution.name
    ]
    candidates = [
        Candidate(solution=solution, found=found)
        for solution in wanted
        if (found := solution.found(cluster)) is not None
    ]
    if not candidates:
        looked = "; ".join(f"{solution.name} ({solution.looked_for})" for solution in wanted)
        only = f" (--aicr-solution {area}={pinned[area]})" if area in pinned else ""
        raise SolutionAbsent(f"No solution of {area} is installed{only}. Looked for: {looked}.")
    return candidates


class Solutions(Generic[S]):
    """The installed solutions of a module's requirement (fixture ``aicr_solution``)."""

    def __init__(
        self, candidates: Sequence[Candidate[S]], evidence: Callable[[], "CheckEvidence"]
    ) -> None:
        self.candidates = tuple(candidates)
        """In the order in which they are tried; at least one."""
        self._evidence = evidence

    def tell(self) -> None:
        """Put what is installed into the evidence of the check that runs."""
        for candidate in self.candidates:
            self._evidence().fact(f"solution {candidate.solution.name}", str(candidate))

    def note(self, name: str, failure: Exception | None) -> None:
        """Put the finding about one solution into the evidence of the check that runs."""
        words = f"{type(failure).__name__.lstrip('_')}: {failure}" if failure else "passes"
        self._evidence().fact(f"tried {name}", words)

    def try_in_order(self, attempt: Callable[[Candidate[S]], T]) -> tuple[Candidate[S], T]:
        """As ``try_in_order``, with every finding in the evidence of the check that runs."""
        self.tell()
        return try_in_order(self.candidates, attempt, self._evidence().fact)


def try_in_order(
    candidates: Sequence[Candidate[S]],
    attempt: Callable[[Candidate[S]], T],
    note: Callable[[str, str], None] = lambda name, finding: None,
) -> tuple[Candidate[S], T]:
    """The first candidate whose attempt passes, and what the attempt gave.

    Args:
        attempt: raises ``AssertionError`` or an error of ours where the candidate does not pass.
        note: gets the finding about every candidate that was tried.

    Raises:
        Inconclusive: none passes, and one could not be looked at.
        AssertionError, AicrError: none passes; the first failure.
    """
    failures: list[Exception] = []
    for candidate in candidates:
        try:
            result = attempt(candidate)
        except (AssertionError, AicrError) as error:
            note(f"tried {candidate.solution.name}", f"{type(error).__name__}: {error}")
            failures.append(error)
            continue
        note(f"tried {candidate.solution.name}", "passes")
        return candidate, result
    raise deciding_failure(failures)


def deciding_failure(failures: Sequence[Exception]) -> Exception:
    """Of the failures of all candidates, the one that tells the outcome.

    Where one could not be looked at, nobody can say that the platform has no way.
    """
    blind = [error for error in failures if isinstance(error, Inconclusive)]
    accusing = [error for error in failures if not isinstance(error, (Inconclusive, DoesNotApply))]
    return (blind or accusing or list(failures))[0]


def solutions_for(
    requirement: str,
    cluster: "Cluster",
    settings: "Settings",
    evidence: Callable[[], "CheckEvidence"],
) -> Solutions[Any]:
    """The installed solutions of a requirement.

    Raises:
        SolutionAbsent: none is.
    """
    area = area_of(requirement)
    return Solutions(discover(area, cluster, settings.solutions, settings=settings), evidence)
