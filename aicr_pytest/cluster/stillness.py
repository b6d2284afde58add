"""Many looks at one moment: what was listed once is not listed again.

Who only looks, and creates nothing, asks for the pods of a whole cluster for one reason after the
other; of 20,000 a list takes five seconds.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aicr_pytest.cluster import paging
from aicr_pytest.cluster.messages import RetryPolicy
from aicr_pytest.cluster.watching import Listing, Subject
from aicr_pytest.errors import AicrError

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster


@contextlib.contextmanager
def standing_still(cluster: "Cluster") -> Iterator[None]:
    """Let a cluster stand still for as long as the context lasts, as far as lists show it."""
    before, cluster.list_all = cluster.list_all, _Remembered()
    try:
        yield
    finally:
        cluster.list_all = before


class _Remembered:
    """``paging.list_all``, once per subject; what it was refused with is said again."""

    def __init__(self) -> None:
        self._told: dict[Subject, Listing | AicrError] = {}

    def __call__(self, ask: paging.Ask, subject: Subject, patience: RetryPolicy) -> Listing:
        if subject not in self._told:
            try:
                self._told[subject] = paging.list_all(ask, subject, patience)
            except AicrError as error:
                self._told[subject] = error
        told = self._told[subject]
        if isinstance(told, AicrError):
            raise told
        return dataclasses.replace(told, items=list(told.items))
