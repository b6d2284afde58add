"""What the checks say of claims that are given what they did not ask for, or nothing, or half."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.conformance import test_dra_support as suite
from tests.unit.requirements.judging import words_of

WRONG = ["node-0: pod ns/p was given 1 (GPU-a), and sees GPU-b"]
NODES: Any = [SimpleNamespace(name=name) for name in ("node-0", "node-1")]


class Actor:
    """The pods of one actor, as they are seen."""

    def __init__(self, **seen: Any) -> None:
        self.seen = seen

    def requiring_exclusive_devices(self) -> "Actor":
        return self

    def requiring_two_accelerators(self) -> "Actor":
        return self

    def __getattr__(self, look: str) -> Any:
        def looked(*given: Any) -> Any:
            word = given[0] if given and isinstance(given[0], str) else ""
            return self.seen.get(f"{look} {word}".strip(), self.seen.get(look, []))

        return looked


class Actors(dict[str, Actor]):
    """Actors by name; one that is deployed again is the next of its kind."""

    def __init__(self, *again: Actor, **actors: Actor) -> None:
        super().__init__(actors)
        self.next = list(again)

    def together(self, *names: str) -> tuple[Actor, ...]:
        return tuple(self[name] for name in names)

    def again(self, name: str) -> Actor:
        return self.next.pop(0)

    def release_times(self, name: str) -> list[float]:
        return [0.1]


def said(check: Any, *given: Any, **actors: Actor) -> str:
    return words_of(lambda: check(Actors(**actors), *given))


KEPT: Any = SimpleNamespace(json=lambda *_, **__: None, fact=lambda *_: None)


@pytest.mark.parametrize(("left_out", "words"), [("", ""), ("DeviceClass", "DeviceClass")])
def test_all_kinds_have_to_be_served(left_out: str, words: str) -> None:
    kinds = [kind for kind in (*suite.KINDS, "Other") if kind != left_out]
    cluster: Any = SimpleNamespace(serves=lambda *_: kinds, version=lambda: "v1.37.2")

    assert words in words_of(lambda: suite.test_stable_dra_api_is_served(cluster, KEPT))
    assert bool(words) is bool(words_of(lambda: suite.test_stable_dra_api_is_served(cluster, KEPT)))


@pytest.mark.parametrize("found", [[], ["pool node-0 has 1 of 2 ResourceSlices"]])
def test_pools_have_to_be_complete(found: list[str]) -> None:
    accelerators: Any = SimpleNamespace(incomplete_publications=lambda _: found)
    check = suite.test_every_accelerator_node_publishes_a_complete_pool

    assert bool(words_of(lambda: check(accelerators, NODES, KEPT))) is bool(found)


@pytest.mark.parametrize("found", [[], WRONG])
def test_containers_have_to_see_what_their_claims_were_given(found: list[str]) -> None:
    pods = Actor(
        devices_not_as_granted=found, devices_shared_with=found, devices_not_held_one_by_one=found
    )

    for check, actors in (
        (
            suite.test_container_sees_exactly_the_device_that_its_claim_was_given,
            {"claimed": pods},
        ),
        (suite.test_claim_for_several_devices_is_given_that_many, {"several": pods}),
        (suite.test_two_claims_never_get_the_same_device, {"several": pods, "claimed": Actor()}),
    ):
        assert bool(said(check, **actors)) is bool(found), check


@pytest.mark.parametrize("found", [[], WRONG])
def test_each_device_has_to_be_the_one_that_was_given_and_is_given_back(found: list[str]) -> None:
    course: list[str] = []
    actors: Any = Actors(each=Actor(devices_not_held_one_by_one=found))
    actors.leave = course.append
    window: Any = SimpleNamespace(shrink=lambda kept: course.append(f"keeps {kept}"))
    check = suite.test_each_free_device_is_seen_by_the_one_container_that_was_given_it

    assert bool(words_of(lambda: check(actors, window))) is bool(found)
    assert course == ["each", "keeps 4"]


@pytest.mark.parametrize(
    ("seen", "fine"),
    [
        ({}, True),
        ({"devices_seen_by_one_alone": WRONG}, False),
        ({"devices_not_as_granted second": WRONG}, False),
    ],
)
def test_containers_that_share_have_to_see_the_same(seen: dict[str, Any], fine: bool) -> None:
    check = suite.test_containers_that_share_a_claim_see_the_same_device

    assert (said(check, claimed=Actor(**seen)) == "") is fine


@pytest.mark.parametrize("found", [[], WRONG])
def test_chosen_device_has_to_be_the_one_on_every_node(found: list[str]) -> None:
    check = suite.test_claim_can_choose_a_device_by_expression

    assert (said(check, selected=Actor(devices_other_than=found)) == "") is not bool(found)


@pytest.mark.parametrize(
    ("first", "second", "fine"), [([], [], True), (WRONG, [], False), ([], WRONG, False)]
)
def test_released_device_has_to_come_back_twice(first: Any, second: Any, fine: bool) -> None:
    actors: Any = Actors(Actor(devices_other_than=first), Actor(devices_other_than=second))
    check = suite.test_released_device_can_be_claimed_again

    assert (words_of(lambda: check(actors, KEPT)) == "") is fine


@pytest.mark.parametrize(
    ("reasons", "held", "fine"),
    [
        (["no device", "no device"], [], True),
        (["no device", ""], [], False),
        (["no device", "no device"], ["pod p: claim c holds node-0/gpu-0"], False),
    ],
)
def test_claim_that_cannot_be_met_has_to_stay_pending_and_hold_nothing(
    reasons: list[str], held: list[str], fine: bool
) -> None:
    pods = Actor(stay_pending=reasons, devices_allocated=held)

    for check, name in (
        (suite.test_claim_that_no_device_satisfies_stays_pending, "unsatisfiable"),
        (suite.test_claim_larger_than_the_node_stays_pending_and_gets_no_part, "oversized"),
    ):
        assert (said(check, **{name: pods}) == "") is fine
