"""Which checks used which fixture: what comes out at a fixture's end concerns all of them.

A module's Lease may turn out to be lost when it is given back, after the module's last check, and
pytest tells that check alone.
"""

import inspect
import traceback
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import pytest


@dataclass(eq=False, slots=True, kw_only=True)
class _Living:
    """A fixture of a wider scope than one test, from its setup on."""

    code: CodeType | None
    """Of its function; None where it is something else."""
    names: frozenset[str]
    """Its own, and those of the fixtures that asked for it while they were set up."""
    users: list[str] = field(default_factory=list)
    """Node ids of the tests that ran since then and use it."""
    ended: bool = False
    """Whether it is over, or tried to be."""


class FixtureUsers:
    """pytest hooks that follow fixtures."""

    def __init__(self) -> None:
        self._living: list[_Living] = []
        self._being_set_up: list[str] = []

    def of(self, error: BaseException) -> Sequence[str]:
        """Node ids of the tests that used the fixtures out of whose end an error came."""
        frames = traceback.walk_tb(error.__traceback__)
        codes = {frame.f_code for frame, _ in frames}
        ended = [one for one in self._living if one.ended]
        # A finalizer that is no part of the fixture's function does not tell whose it is.
        guilty = [one for one in ended if one.code in codes] or ended
        return list(dict.fromkeys(user for one in guilty for user in one.users))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, object, object]:
        """Follow one that is set up."""
        self._being_set_up.append(fixturedef.argname)
        try:
            return (yield)
        finally:
            names = frozenset(self._being_set_up)
            self._being_set_up.pop()
            if fixturedef.scope != "function":
                self._living.append(_Living(code=_code(fixturedef), names=names))

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """Note that one has ended; what came of it is told with the report of the test."""
        for one in self._living:
            one.ended |= one.code is not None and one.code is _code(fixturedef)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Note what a test has used, while none of it has ended."""
        self._living = [one for one in self._living if not one.ended]
        request = getattr(item, "_request", item)  # the only one that knows what was asked for late
        used = set(getattr(request, "fixturenames", ()))
        for one in self._living:
            if not one.names.isdisjoint(used):
                one.users.append(item.nodeid)


def _code(fixturedef: pytest.FixtureDef[Any]) -> CodeType | None:
    return getattr(inspect.unwrap(fixturedef.func), "__code__", None)
