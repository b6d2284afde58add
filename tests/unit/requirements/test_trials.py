"""Trials: one solution has to pass every step, and the first that does is taken."""

from collections.abc import Callable
from typing import Any

import pytest

from aicr_pytest.errors import Inconclusive, NoCapacity, WaitTimeout
from aicr_pytest.requirements.solutions import Candidate, Found, Solutions
from aicr_pytest.requirements.trials import Trials

from .test_solutions import Product

Plan = dict[str, dict[str, list[str] | Exception]]


class Evidence:
    def __init__(self) -> None:
        self.facts: dict[str, str] = {}

    def fact(self, name: str, value: object) -> None:
        self.facts[name] = str(value)


class Experiment:
    """What a product does in each step, as a plan says."""

    def __init__(self, name: str, plan: Plan, ran: list[str]) -> None:
        self.name = name
        self.plan = plan
        self.ran = ran

    def _step(self, step: str) -> list[str]:
        self.ran.append(f"{self.name} {step}")
        came = self.plan[self.name].get(step, [])
        if isinstance(came, Exception):
            raise came
        return came

    def first(self) -> list[str]:
        return self._step("first")

    def second(self) -> list[str]:
        return self._step("second")


STEPS: tuple[Callable[[Experiment], list[str]], ...] = (Experiment.first, Experiment.second)


def trials(plan: Plan, ran: list[str], evidence: Evidence | None = None) -> Trials[Experiment]:
    candidates = [Candidate(solution=Product(name), found=Found(where=name)) for name in plan]
    kept: Any = evidence or Evidence()
    solutions: Solutions[Product] = Solutions(candidates, lambda: kept)
    return Trials(solutions, lambda c: Experiment(c.solution.name, plan, ran), STEPS)


def test_steps_run_once_on_the_first_solution_that_passes() -> None:
    ran: list[str] = []
    tried = trials({"a": {}, "b": {}}, ran)

    assert tried.faults(Experiment.first) == []
    assert tried.faults(Experiment.second) == []
    assert tried.faults(Experiment.second) == []
    assert ran == ["a first", "a second"]


def test_steps_before_the_one_asked_for_are_run_too() -> None:
    ran: list[str] = []

    assert trials({"a": {}}, ran).faults(Experiment.second) == []
    assert ran == ["a first", "a second"]


def test_next_solution_has_to_pass_what_came_before() -> None:
    ran: list[str] = []
    plan: Plan = {"a": {"second": ["deadlock"]}, "b": {"first": ["split"]}, "c": {}}
    evidence = Evidence()
    tried = trials(plan, ran, evidence)

    assert tried.faults(Experiment.first) == []
    assert tried.faults(Experiment.second) == []
    assert ran == ["a first", "a second", "b first", "b second", "c first", "c second"]
    assert evidence.facts["tried a"] == "deadlock"
    assert evidence.facts["tried b"] == "split"
    assert evidence.facts["tried c"] == "passes"


def test_where_none_passes_the_first_is_told() -> None:
    plan: Plan = {"a": {"first": ["split"]}, "b": {"first": ["min one"]}}
    tried = trials(plan, [])

    assert tried.faults(Experiment.first) == ["split"]
    assert tried.faults(Experiment.second) == []  # of the first, which passes this one


def test_failed_wait_is_told_as_it_is() -> None:
    with pytest.raises(WaitTimeout, match="not bound"):
        trials({"a": {"first": WaitTimeout("not bound")}}, []).faults(Experiment.first)


def test_one_that_could_not_be_looked_at_accuses_nobody() -> None:
    plan: Plan = {"a": {"first": ["split"]}, "b": {"first": NoCapacity("0 free")}}

    with pytest.raises(Inconclusive):
        trials(plan, []).faults(Experiment.first)


def test_solution_in_use_is_the_one_that_has_passed_so_far() -> None:
    tried = trials({"a": {"first": ["split"]}, "b": {"second": ["deadlock"]}}, [])
    assert tried.in_use.name == "a"

    tried.faults(Experiment.first)
    assert tried.in_use.name == "b"

    tried.faults(Experiment.second)
    assert tried.in_use.name == "a", "none is left, and the first answers for itself"
