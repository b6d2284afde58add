"""How many workers a command line is given: those that may have something to do."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from aicr_pytest.locations import suite_dir
from aicr_pytest.requirements.catalogue import BY_ID, NOT_AUTOMATED
from aicr_pytest.run.parallel import modules
from aicr_pytest.run.plan import Check, Plan

ALL = len(BY_ID) - len(NOT_AUTOMATED)


def counted(
    *arguments: str, mark: str = "", keyword: str = "", features: tuple[str, ...] = ()
) -> int:
    config = SimpleNamespace(
        args=list(arguments or (str(suite_dir()),)),
        invocation_params=SimpleNamespace(dir=suite_dir()),
        option=SimpleNamespace(markexpr=mark, keyword=keyword),
    )
    return len(modules(cast(Any, config), features))


@pytest.mark.parametrize(
    ("mark", "count"),
    [
        ("", ALL),
        ("dra", 1),
        ("dra or secure", 2),
        ("metrics", 1),
        ("dra and secure", 0),
        ("not dra", ALL - 1),
        ("(dra or gang) and not (gang)", 1),
        ("conformance", ALL),
        ("must", ALL),
        ("theirs", ALL),
        ("dra(", ALL),
        ("requirement(id='x')", ALL),
    ],
)
def test_marks_choose_modules_as_far_as_they_are_known(mark: str, count: int) -> None:
    assert counted(mark=mark) == count


@pytest.mark.parametrize(
    ("keyword", "count"),
    [
        ("test_dra_support", 1),
        ("Dra_Support", 1),
        ("no_such_name", 0),
        ("test and not dra", ALL - 1),
    ],
)
def test_names_choose_modules(keyword: str, count: int) -> None:
    assert counted(keyword=keyword) == count


def test_paths_node_ids_and_features_choose_modules() -> None:
    one, other = "test_dra_support.py", "test_gang_scheduling.py"

    assert counted(f"{one}::test_a", f"{one}::test_b", other) == 2
    assert counted(".", f"{one}::test_a") == ALL
    assert counted(features=("dra_support",)) == 1
    assert counted(".", "../unit") == 0, "tests of others"


def test_plan_of_workers_lasts_as_long_as_the_longest_and_holds_what_they_hold_together() -> None:
    plan = Plan(
        selected=tuple(
            Check(
                nodeid=f"{module}::{number}",
                requirement="dra_support",
                name="test",
                title="",
                proves="",
                basis="text",
                accelerators=accelerators,
                seconds=seconds,
                module=module,
            )
            for module, number, accelerators, seconds in (
                ("a", 1, 2, 30.0),
                ("a", 2, 4, 10.0),
                ("b", 1, 1, 25.0),
                ("c", 1, 8, 20.0),
            )
        )
    )

    assert [plan.seconds(workers) for workers in (1, 2, 3, 9)] == [85.0, 45.0, 40.0, 40.0]
    assert [plan.accelerators(workers) for workers in (1, 2, 3, 9)] == [8, 12, 13, 13]
