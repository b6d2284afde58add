"""Solutions: found or absent, tried in order, and told."""

from dataclasses import dataclass
from typing import Any

import pytest

from aicr_pytest.errors import NoCapacity, SolutionAbsent, UnknownSolution
from aicr_pytest.requirements.catalogue import BY_ID
from aicr_pytest.requirements.registry import AREAS, discover, solutions_of
from aicr_pytest.requirements.solutions import Candidate, Found, Solutions, deciding_failure


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


def test_first_failure_is_told_where_none_passes() -> None:
    first = AssertionError("first")

    assert deciding_failure([first, AssertionError("second")]) is first


@pytest.mark.parametrize("blind", [NoCapacity("0 free"), UnknownSolution("samples elsewhere")])
def test_who_could_not_look_at_all_of_them_accuses_nobody(blind: Exception) -> None:
    assert deciding_failure([AssertionError("no"), blind]) is blind


def test_areas_name_requirements_and_their_solutions_have_names_of_their_own() -> None:
    for area, requirements in AREAS.items():
        names = [solution.name for solution in solutions_of(area)]
        assert len(names) == len(set(names))
        assert set(requirements) <= BY_ID.keys()


def test_candidate_says_where_its_adapter_was_never_verified() -> None:
    unseen = Candidate(solution=Product("x", verified_in_lab=False), found=Found(where="ns"))

    assert "not verified in the lab" in str(unseen)


def test_candidate_says_where_it_is_in_which_version_and_what_else_was_learned() -> None:
    found = Found(where="ns", version="v1", facts={"mode": "tree", "queues": "2"})

    assert str(Candidate(solution=Product("x"), found=found)) == "x: ns, v1, mode: tree, queues: 2"


def test_evidence_holds_what_is_installed_and_what_came_of_it() -> None:
    told: dict[str, str] = {}

    class Evidence:
        def fact(self, name: str, value: str) -> None:
            told[name] = value

    candidate = Candidate(solution=Product("x"), found=Found(where="ns"))
    solutions = Solutions([candidate], Evidence)  # type: ignore[arg-type] # facts are all it takes
    solutions.record_tried()
    solutions.note("x", AssertionError("one of two is bound"))
    assert told == {"solution x": "x: ns", "tried x": "one of two is bound"}
    solutions.note("x", None)
    assert told["tried x"] == "passes"
