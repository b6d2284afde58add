"""Solutions: found or absent, tried in order, and told."""

from dataclasses import dataclass
from typing import Any

import pytest

from aicr_pytest.errors import Inconclusive, NoCapacity, SolutionAbsent
from aicr_pytest.requirements import BY_ID
from aicr_pytest.solutions import AREAS
from aicr_pytest.solutions.areas import solutions_of
from aicr_pytest.solutions.frame import Candidate, Found, discover, try_in_order


@dataclass
class Product:
    name: str
    installed: bool = True
    verified_in_lab: bool = True

    @property
    def looked_for(self) -> str:
        return f"Deployment {self.name} in every namespace"

    def found(self, cluster: Any) -> Found | None:
        return Found(where=f"{self.name}-system", version="v1") if self.installed else None


def candidates(*names: str) -> list[Candidate[Product]]:
    return [Candidate(solution=Product(name), found=Found(where=name)) for name in names]


def failing(**errors: Exception) -> Any:
    def attempt(candidate: Candidate[Product]) -> str:
        if error := errors.get(candidate.solution.name):
            raise error
        return f"ran on {candidate.solution.name}"

    return attempt


def test_installed_solutions_come_in_their_written_order() -> None:
    known = (Product("a"), Product("b", installed=False), Product("c"))

    found = discover("gang", object(), {}, known=known)  # type: ignore[arg-type] # never asked

    assert [candidate.solution.name for candidate in found] == ["a", "c"]


def test_pinned_solution_is_the_only_one() -> None:
    known = (Product("a"), Product("b"))

    found = discover("gang", object(), {"gang": "b"}, known=known)  # type: ignore[arg-type] # ditto

    assert [candidate.solution.name for candidate in found] == ["b"]


def test_absence_says_what_was_looked_for() -> None:
    known = (Product("a", installed=False), Product("b", installed=False))

    with pytest.raises(SolutionAbsent, match=r"a \(Deployment a in every .*; b \(Deployment b"):
        discover("gang", object(), {}, known=known)  # type: ignore[arg-type] # ditto


def test_first_that_passes_is_taken_and_every_finding_is_noted() -> None:
    noted: dict[str, str] = {}

    chosen, result = try_in_order(
        candidates("a", "b", "c"), failing(a=AssertionError("split")), noted.__setitem__
    )

    assert (chosen.solution.name, result) == ("b", "ran on b")
    assert noted == {"tried a": "AssertionError: split", "tried b": "passes"}


def test_first_failure_is_told_where_none_passes() -> None:
    with pytest.raises(AssertionError, match="first"):
        try_in_order(
            candidates("a", "b"), failing(a=AssertionError("first"), b=AssertionError("second"))
        )


def test_who_could_not_look_at_all_of_them_accuses_nobody() -> None:
    with pytest.raises(Inconclusive):
        try_in_order(candidates("a", "b"), failing(a=AssertionError("no"), b=NoCapacity("0 free")))


def test_fault_of_a_check_is_no_finding_about_a_solution() -> None:
    with pytest.raises(KeyError):
        try_in_order(candidates("a", "b"), failing(a=KeyError("ours")))


def test_areas_name_requirements_and_their_solutions_have_names_of_their_own() -> None:
    for area, requirements in AREAS.items():
        names = [solution.name for solution in solutions_of(area)]
        assert len(names) == len(set(names))
        assert set(requirements) <= BY_ID.keys()


def test_candidate_says_where_its_adapter_was_never_verified() -> None:
    unseen = Candidate(solution=Product("x", verified_in_lab=False), found=Found(where="ns"))

    assert "not verified in the lab" in str(unseen)
