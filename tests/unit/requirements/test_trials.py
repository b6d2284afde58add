"""Trials: one solution has to pass every step, and the first that does is taken."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from aicr_pytest.errors import DoesNotApply, Inconclusive, NoCapacity, WaitTimeout
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

    def _step(self, step: str) -> None:
        self.ran.append(f"{self.name} {step}")
        came = self.plan[self.name].get(step, [])
        if isinstance(came, Exception):
            raise came
        assert not came, "; ".join(came)

    def first(self) -> None:
        self._step("first")

    def second(self) -> None:
        self._step("second")


STEPS: tuple[Callable[[Experiment], None], ...] = (Experiment.first, Experiment.second)


def trials(plan: Plan, ran: list[str], evidence: Evidence | None = None) -> Trials[Experiment]:
    candidates = [Candidate(solution=Product(name), found=Found(where=name)) for name in plan]
    kept: Any = evidence or Evidence()
    solutions: Solutions[Product] = Solutions(candidates, lambda: kept)
    return Trials(solutions, lambda c: Experiment(c.solution.name, plan, ran), STEPS)


def test_steps_run_once_on_the_first_solution_that_passes() -> None:
    ran: list[str] = []
    tried = trials({"a": {}, "b": {}}, ran)

    tried.prove(Experiment.first)
    tried.prove(Experiment.second)
    tried.prove(Experiment.second)
    assert ran == ["a first", "a second"]


def test_steps_before_the_one_asked_for_are_run_too() -> None:
    ran: list[str] = []

    trials({"a": {}}, ran).prove(Experiment.second)
    assert ran == ["a first", "a second"]


def test_next_solution_has_to_pass_what_came_before() -> None:
    ran: list[str] = []
    plan: Plan = {"a": {"second": ["deadlock"]}, "b": {"first": ["split"]}, "c": {}}
    evidence = Evidence()
    tried = trials(plan, ran, evidence)

    tried.prove(Experiment.first)
    tried.prove(Experiment.second)
    assert ran == ["a first", "a second", "b first", "b second", "c first", "c second"]
    assert evidence.facts["tried a"] == "deadlock"
    assert evidence.facts["tried b"] == "split"
    assert evidence.facts["tried c"] == "passes"


def test_where_none_passes_the_first_is_told() -> None:
    plan: Plan = {"a": {"first": ["split"]}, "b": {"first": ["min one"]}}
    tried = trials(plan, [])

    with pytest.raises(AssertionError, match="split"):
        tried.prove(Experiment.first)
    with pytest.raises(DoesNotApply, match="a passes this, and not everything"):
        tried.prove(Experiment.second)


def test_failed_wait_is_told_as_it_is() -> None:
    with pytest.raises(WaitTimeout, match="not bound"):
        trials({"a": {"first": WaitTimeout("not bound")}}, []).prove(Experiment.first)


def test_one_that_could_not_be_looked_at_accuses_nobody() -> None:
    plan: Plan = {"a": {"first": ["split"]}, "b": {"first": NoCapacity("0 free")}}

    with pytest.raises(Inconclusive):
        trials(plan, []).prove(Experiment.first)


def test_solution_in_use_is_the_one_that_has_passed_so_far() -> None:
    tried = trials({"a": {"first": ["split"]}, "b": {"second": ["deadlock"]}}, [])
    assert tried.in_use.name == "a"

    tried.prove(Experiment.first)
    assert tried.in_use.name == "b"

    with pytest.raises(AssertionError, match="deadlock"):
        tried.prove(Experiment.second)
    assert tried.in_use.name == "a", "none is left, and the first answers for itself"


# Whatever the order in which steps are asked for


ORDERED = ("one", "two", "three", "four")
IN_ANY_ORDER = list(itertools.permutations(ORDERED))


class Course(Experiment):
    """An experiment of four steps."""

    def one(self) -> None:
        self._step("one")

    def two(self) -> None:
        self._step("two")

    def three(self) -> None:
        self._step("three")

    def four(self) -> None:
        self._step("four")


def course(plan: Plan) -> Trials[Course]:
    candidates = [Candidate(solution=Product(name), found=Found(where=name)) for name in plan]
    solutions: Solutions[Product] = Solutions(candidates, lambda: Evidence())  # type: ignore[arg-type,return-value] # of facts alone
    steps = [getattr(Course, step) for step in ORDERED]
    return Trials(solutions, lambda c: Course(c.solution.name, plan, []), steps)


def outcome(tried: Trials[Course], step: str) -> str:
    try:
        tried.prove(getattr(Course, step))
    except Inconclusive:
        return "inconclusive"
    except DoesNotApply:
        return "not applicable"
    except (AssertionError, WaitTimeout):
        return "failed"
    return "passed"


def broken(**steps: str) -> Plan:
    return {name: {step: [name]} for name, step in steps.items()}


NO_SOLUTION_PASSES_ALL: list[Plan] = [
    *(broken(a=one, b=other) for one in ORDERED for other in ORDERED),
    {"a": {"one": ["a"]}, "b": {"two": ["b"]}, "c": {"three": WaitTimeout("c")}},
    {"a": {"four": ["a"]}},
    {"a": {"one": DoesNotApply("no claims")}, "b": {"four": ["b"]}},
]


@pytest.mark.parametrize("order", IN_ANY_ORDER, ids="-".join)
def test_no_order_makes_one_solution_out_of_several_broken_ones(order: tuple[str, ...]) -> None:
    for plan in NO_SOLUTION_PASSES_ALL:
        tried = course(plan)
        came = {step: outcome(tried, step) for step in order}
        again = {step: outcome(tried, step) for step in order}

        assert "failed" in came.values(), plan
        better = [step for step in ORDERED if came[step] != "passed" and again[step] != came[step]]
        assert better == [], plan


@pytest.mark.parametrize("order", IN_ANY_ORDER, ids="-".join)
def test_solution_that_passes_everything_is_found_in_any_order(order: tuple[str, ...]) -> None:
    plan: Plan = {"a": {"four": ["a"]}, "b": {"one": NoCapacity("b")}, "c": {}}
    tried = course(plan)

    assert {outcome(tried, step) for step in (*order, *order)} == {"passed"}
    assert tried.in_use.name == "c"


def test_step_that_failed_fails_again_however_often_it_is_asked_for() -> None:
    tried = course({"a": {"one": ["a"]}, "b": {"two": ["b"]}})

    assert [outcome(tried, step) for step in ("two", "two", "one", "two")] == [
        "failed",
        "failed",
        "failed",
        "failed",
    ]


def test_pass_of_a_step_ends_with_the_last_solution_that_could_pass_everything() -> None:
    tried = course({"a": {"three": ["a"]}, "b": {"two": ["b"]}})

    assert outcome(tried, "one") == "passed"
    assert outcome(tried, "three") == "failed"
    with pytest.raises(DoesNotApply, match=r"a passes this, and not everything.*: a"):
        tried.prove(Course.four)


def test_where_a_step_says_nothing_of_a_solution_the_others_stand() -> None:
    nothing = DoesNotApply("no claims")
    tried = course({"a": dict.fromkeys(ORDERED, nothing)})

    assert [outcome(tried, step) for step in ORDERED] == ["not applicable"] * 4

    tried = course({"a": {"two": nothing}})
    came = [outcome(tried, step) for step in ORDERED]

    assert came == ["passed", "not applicable", "passed", "passed"]
