"""What the checks say of pods that see, share or open what they should not."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aicr_pytest.errors import DoesNotApply
from tests.conformance import test_secure_accelerator_access as suite
from tests.unit.requirements.judging import words_of

MAJORS = frozenset({240})
WRONG = "node-0: pod ns/p sees what it should not"


class Actor:
    """The pods of one actor: each look gives this, and is noted."""

    def __init__(self, name: str, looks: list[Any], found: list[str]) -> None:
        self.name, self.looks, self.found = name, looks, found

    @contextlib.contextmanager
    def positive_control(self) -> Iterator[frozenset[int]]:
        self.looks.append(f"{self.name} sees its own before")
        yield MAJORS
        self.looks.append(f"{self.name} sees its own after")

    def requiring_two_accelerators(self) -> "Actor":
        self.looks.append("two are there")
        return self

    def requiring_exclusive_devices(self) -> "Actor":
        return self

    def joined_by(self, other: "Actor") -> "Actor":
        return Actor(f"{self.name}, {other.name}", self.looks, self.found)

    def __getattr__(self, look: str) -> Any:
        def looked(*given: Any, **named: Any) -> list[str]:
            shown = [one.name if isinstance(one, Actor) else one for one in given]
            self.looks.append((self.name, look, *shown, *named.values()))
            return self.found

        return looked


class Actors:
    def __init__(self, found: list[str]) -> None:
        self.looks: list[Any] = []
        self.found = found

    def __getitem__(self, name: str) -> Actor:
        return self.together(name)[0]

    def together(self, *names: str) -> tuple[Actor, ...]:
        return tuple(Actor(name, self.looks, self.found) for name in names)


class Accelerators:
    def needs_runtime_class(self) -> None: ...


BEFORE, AFTER = "holder sees its own before", "holder sees its own after"
CHECKS: list[tuple[Callable[..., None], list[Any]]] = [
    (
        suite.test_container_sees_exactly_the_devices_it_was_granted,
        [("holder", "devices_not_as_granted")],
    ),
    (
        suite.test_each_free_device_is_seen_by_the_one_container_that_was_granted_it,
        [("holder, neighbour, rest", "devices_not_held_one_by_one")],
    ),
    (
        suite.test_pod_without_a_request_sees_no_device,
        [
            BEFORE,
            ("bystander", "visible_devices", MAJORS),
            ("outsider", "visible_devices", MAJORS),
            AFTER,
        ],
    ),
    (
        suite.test_pod_without_a_request_opens_no_device_by_a_node_of_its_own_making,
        [
            BEFORE,
            ("outsider", "devices_opened", "holder, neighbour, rest", MAJORS),
            AFTER,
        ],
    ),
    (
        suite.test_init_container_without_a_request_sees_no_device,
        [
            BEFORE,
            ("holder", "visible_devices", MAJORS, "before"),
            ("holder", "own_devices_opened_from", "before"),
            AFTER,
        ],
    ),
    (
        suite.test_sibling_container_without_a_request_sees_no_device,
        [
            BEFORE,
            ("holder", "visible_devices", MAJORS, "sibling"),
            ("holder", "own_devices_opened_from", "sibling"),
            AFTER,
        ],
    ),
    (
        suite.test_two_pods_hold_different_devices,
        ["two are there", ("neighbour", "devices_shared_with", "holder")],
    ),
    (
        suite.test_pod_cannot_open_the_device_of_another_pod,
        [("neighbour", "foreign_devices_opened", "holder")],
    ),
    (
        suite.test_granted_device_came_through_kubernetes,
        [("holder", "access_without_allocation")],
    ),
    (
        suite.test_environment_variable_gives_no_device,
        [BEFORE, ("by-environment", "visible_devices", MAJORS), AFTER],
    ),
    (
        suite.test_volume_mount_gives_no_device,
        [BEFORE, ("by-volume-mount", "visible_devices", MAJORS), AFTER],
    ),
    (
        lambda actors: suite.test_runtime_class_gives_no_device(actors, Accelerators()),  # type: ignore[arg-type]
        [BEFORE, ("by-runtime-class", "visible_devices", MAJORS), AFTER],
    ),
]


@pytest.mark.parametrize(("check", "looks"), CHECKS)
def test_every_check_looks_where_it_says_and_beside_a_positive_twin(
    check: Callable[..., None], looks: list[Any]
) -> None:
    actors = Actors([])

    assert words_of(lambda: check(actors)) == ""
    assert actors.looks == looks


@pytest.mark.parametrize("check", [check for check, _ in CHECKS])
def test_what_a_pod_should_not_see_is_told(check: Callable[..., None]) -> None:
    actors = Actors([WRONG])

    assert "sees what it should not" in words_of(lambda: check(actors))


def test_runtime_class_that_is_not_there_says_nothing() -> None:
    class Bare:
        def needs_runtime_class(self) -> None:
            raise DoesNotApply("There is no RuntimeClass nvidia.")

    with pytest.raises(DoesNotApply):
        suite.test_runtime_class_gives_no_device(Actors([WRONG]), Bare())  # type: ignore[arg-type]
