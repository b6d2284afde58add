"""Who is on stage: all at once where there is room, in turns where there is not, some alone."""

from typing import Any

import pytest

from aicr_pytest.workloads.actors import Actors


class Actor:
    """One actor's pods: what happens to them is noted."""

    def __init__(self, name: str, course: list[str]) -> None:
        self.name, self.course = name, course
        course.append(f"{name} comes")

    def release(self) -> list[float]:
        self.course.append(f"{self.name} is released")
        return [0.5]


def cast(course: list[str], *names: str, room: bool, alone: str = "", late: str = "") -> Actors:
    deploy: Any = {name: lambda name=name: Actor(name, course) for name in names}
    return Actors(deploy, room_for_all=room, alone={alone}, late={late})


def test_with_room_all_come_at_once_in_the_order_in_which_they_are_written() -> None:
    course: list[str] = []
    actors = cast(course, "a", "b", "c", room=True)

    assert course == []
    assert actors["b"] is actors.together("a", "b")[1]
    assert course == ["a comes", "b comes", "c comes"]


def test_without_room_the_others_are_released_first() -> None:
    course: list[str] = []
    actors = cast(course, "a", "b", "c", room=False)
    actors.together("c", "a")
    actors.together("a", "b")

    assert course == ["a comes", "c comes", "c is released", "b comes"]


def test_who_wants_all_comes_alone_and_the_others_come_while_it_goes() -> None:
    course: list[str] = []
    actors = cast(course, "each", "a", "b", room=True, alone="each")
    assert "each" in actors

    actors.together("each")
    assert course == ["each comes"]
    actors.leave("each")
    assert sorted(course[1:]) == ["a comes", "b comes", "each is released"]
    actors.together("b")
    assert len(course) == 4


def test_who_takes_whatever_is_free_comes_once_all_of_it_is() -> None:
    course: list[str] = []
    actors = cast(course, "each", "a", "b", room=True, alone="each", late="a")
    actors.together("each")
    actors.leave("each")

    assert course[0] == "each comes"
    assert sorted(course[1:3]) == ["b comes", "each is released"]
    assert course[3:] == ["a comes"]


def test_what_is_not_released_is_told_once_the_others_are_there() -> None:
    course: list[str] = []
    actors = cast(course, "each", "a", room=True, alone="each")
    vars(actors["each"])["release"] = lambda: pytest.fail("not within 60 s")

    with pytest.raises(pytest.fail.Exception, match="not within 60 s"):
        actors.leave("each")
    actors.together("a")
    assert course == ["each comes", "a comes"]


def test_who_wants_all_is_alone_in_whatever_order_checks_run() -> None:
    course: list[str] = []
    actors = cast(course, "each", "a", "b", room=True, alone="each")
    for name in ("a", "each", "a"):
        actors.together(name)

    assert course[2:5] == ["a is released", "b is released", "each comes"]
    assert sorted(course[5:]) == ["a comes", "b comes", "each is released"]


def test_without_room_who_wants_all_is_gone_before_the_others_come() -> None:
    course: list[str] = []
    actors = cast(course, "each", "a", room=False, alone="each")
    actors.together("each")
    actors.together("a")

    assert course == ["each comes", "each is released", "a comes"]


def test_an_actor_that_comes_again_says_how_long_its_release_took() -> None:
    course: list[str] = []
    actors = cast(course, "a", "b", room=False)
    first = actors["a"]

    assert actors.again("a") is not first
    assert course == ["a comes", "a is released", "a comes"]
    assert actors.release_times("a") == [0.5]
    assert actors.release_times("b") == []
