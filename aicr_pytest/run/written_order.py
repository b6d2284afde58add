"""The suite as it is written: all of its checks, in their order, whatever was chosen of them.

Checks of a module build on each other: one watches what an earlier one has begun. Plugins shuffle
tests, put the failed ones first, or never let pytest see what a node id leaves out.
"""

from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from aicr_pytest.config.marks import is_check
from aicr_pytest.locations import in_suite
from aicr_pytest.run.plan import check_of

_position = pytest.StashKey[int]()
_LAST = 1 << 30


class WrittenOrder:
    """pytest hooks that see every module of the suite before anybody chooses from it."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []
        """All checks of the modules that were collected."""

    @pytest.hookimpl(wrapper=True, trylast=True)  # inside of what leaves out, e.g. --last-failed
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Note the order in which a module's checks are written."""
        report = yield
        if in_suite(collector.path):
            for item in report.result or ():
                if isinstance(item, pytest.Item):
                    item.stash[_position] = len(self.items)
                    self.items.append(item)
        return report

    def leave_out(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """Take the suite off a list that holds other tests too; what was taken off."""
        others = [item for item in items if not in_suite(item.path)]
        if not others or len(others) == len(items):
            return []
        suite = [item for item in items if in_suite(item.path)]
        items[:] = others
        self.items.clear()
        return suite

    def restore(self, items: list[pytest.Item], *, longest_first: bool) -> None:
        """Put the suite's items into their order, module by module; others stay where they are.

        Args:
            longest_first: whether the module comes first that takes longest, so that the last
                worker ends early; else by name.
        """
        suite = [item for item in items if in_suite(item.path)]
        if not suite:
            return
        first = items.index(suite[0])
        before = [item for item in items[:first] if not in_suite(item.path)]
        after = [item for item in items[first:] if not in_suite(item.path)]
        takes: Counter[Path] = Counter()
        for item in filter(is_check, suite if longest_first else ()):
            takes[item.path] -= int(check_of(item).seconds)
        suite.sort(
            key=lambda item: (takes[item.path], str(item.path), item.stash.get(_position, _LAST))
        )
        items[:] = [*before, *suite, *after]
