"""Checks that are written of one solution, and pass where one of the installed ones passes them."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from aicr_pytest.requirements.trials import Trials

T = TypeVar("T")
Claim = Callable[[T], None]
"""What has to be true of one solution; raises AssertionError where it is not."""


class Steps(Generic[T]):
    """The checks of a module that one solution has to pass, all of them, in their order.

    Args:
        fixture: name of the fixture that gives the ``Trials`` of these steps.
    """

    def __init__(self, fixture: str) -> None:
        self._fixture = fixture
        self._claims: list[Claim[T]] = []

    def __iter__(self) -> Iterator[Claim[T]]:
        return iter(self._claims)

    def passes(self, claim: Claim[T]) -> Callable[..., None]:
        """Make a test of a claim: one solution has to meet it, and every claim before it."""
        self._claims.append(claim)

        @functools.wraps(claim)
        def test(**fixtures: Trials[T]) -> None:
            __tracebackhide__ = True
            fixtures[self._fixture].prove(claim)

        # pytest is to fill in the fixture, and not the solution.
        asked = inspect.Parameter(self._fixture, inspect.Parameter.KEYWORD_ONLY)
        test.__signature__ = inspect.Signature([asked])  # type: ignore[attr-defined]
        return test
