"""Solutions: the products by which a platform meets a requirement, and what was found of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from aicr_pytest.errors import (
    AccessDenied,
    DoesNotApply,
    Inconclusive,
    UnknownSolution,
    single_message,
)

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.evidence.check import CheckEvidence


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
        """Where it is installed; None where it is not.

        Raises:
            NotLetIn: it may be there, and other solutions count all the same.
        """


class NotLetIn(AccessDenied):
    """Where a solution would show itself we are refused; only where there is no other that counts.

    Args:
        refusal: what was said there.
    """

    def __init__(self, refusal: AccessDenied) -> None:
        super().__init__(str(refusal).partition("\n")[0], hint=refusal.hint)


S = TypeVar("S", bound=Solution)


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


class Solutions(Generic[S]):
    """The installed solutions of a module's requirement (fixture ``aicr_solution``)."""

    def __init__(
        self, candidates: Sequence[Candidate[S]], evidence: Callable[[], "CheckEvidence"]
    ) -> None:
        self.candidates = tuple(candidates)
        """In the order in which they are tried; at least one."""
        self._evidence = evidence

    def record_tried(self) -> None:
        """Put what is installed into the evidence of the check that runs."""
        for candidate in self.candidates:
            self._evidence().fact(f"solution {candidate.solution.name}", str(candidate))

    def note(self, name: str, failure: Exception | None) -> None:
        """Put the finding about one solution into the evidence of the check that runs."""
        self._evidence().fact(f"tried {name}", single_message(failure) if failure else "passes")


def deciding_failure(failures: Sequence[Exception]) -> Exception:
    """Of the failures of all candidates, the one that tells the outcome.

    Where one could not be looked at, nobody can say that the platform has no way.
    """
    blind = [error for error in failures if isinstance(error, (Inconclusive, UnknownSolution))]
    accusing = [error for error in failures if not isinstance(error, (Inconclusive, DoesNotApply))]
    return (blind or accusing or list(failures))[0]
