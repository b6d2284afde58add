"""The namespaces of a module are taken down at the same time."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from aicr_pytest.errors import LeftBehind
from aicr_pytest.workloads.workspaces import Workspaces


class Standing:
    """A namespace that is empty at once, and gone when it is let go."""

    def __init__(self, name: str) -> None:
        self.namespace = name
        self.kept = self.closed = False
        self.trouble: Exception | None = None
        self.gone = threading.Event()

    def open(self) -> None:
        """Nothing to wait for."""

    def close(self, emptied: Callable[[], None]) -> None:
        if self.trouble:
            self.closed = True
            raise self.trouble
        emptied()
        assert self.gone.wait(10)


@pytest.fixture
def made() -> dict[str, Standing]:
    """By level."""
    return {level: Standing(level) for level in ("restricted", "baseline")}


def workspaces(made: dict[str, Any], emptied: Callable[[], None]) -> Workspaces:
    """All of them opened."""
    several = Workspaces(
        made.__getitem__,
        None,  # type: ignore[arg-type]  # no pod is placed
        image=None,  # type: ignore[arg-type]
        pull_secret=None,
        run_id="r",
        evidence=lambda: None,  # type: ignore[arg-type, return-value]
        take_down=lambda workspace, empty: workspace.close(empty),
        emptied=emptied,
    )
    for level in made:
        several.at(level)  # type: ignore[arg-type]
    return several


def test_accelerators_are_given_back_once_all_are_empty_though_none_is_gone(
    made: dict[str, Standing],
) -> None:
    seen: list[list[bool]] = []

    def empty() -> None:
        seen.append([one.gone.is_set() for one in made.values()])
        for one in made.values():
            one.gone.set()

    workspaces(made, empty).close()

    assert seen == [[False, False]]


def test_accelerators_are_kept_while_one_may_hold_some(made: dict[str, Standing]) -> None:
    made["baseline"].trouble = LeftBehind("a pod stays")
    made["restricted"].gone.set()
    seen: list[None] = []

    with pytest.raises(LeftBehind):
        workspaces(made, lambda: seen.append(None)).close()
    assert not seen
