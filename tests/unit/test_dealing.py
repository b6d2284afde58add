"""How trials are dealt to workers concerns trials alone: every run here reads their conftest."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.truth.conftest import (
    LONG,
    lab_of,
    longest_first,
    pytest_collection_modifyitems,
    pytest_xdist_make_scheduler,
)

ROOT = Path(__file__).parents[2]


def started_with(*words: str) -> Any:
    return SimpleNamespace(invocation_params=SimpleNamespace(args=words))


@pytest.mark.parametrize("words", [("--aicr-lab", "--evidence"), ("-m", "dra"), ()])
def test_a_run_of_the_suite_deals_its_modules_itself(words: tuple[str, ...]) -> None:
    items = [SimpleNamespace(nodeid=f"tests/truth/test_{name}.py::test_a") for name in "aba"]
    as_it_was: Any = list(items)

    assert pytest_xdist_make_scheduler(started_with(*words), None) is None
    pytest_collection_modifyitems(started_with(*words), as_it_was)
    assert as_it_was == items


def test_trials_of_a_module_share_a_lab_and_so_do_the_tests_of_the_lab() -> None:
    assert lab_of("tests/truth/test_fence.py::test_a[b]") == "tests/truth/test_fence.py"
    assert {lab_of(f"tests/lab/test_{name}.py::test_a") for name in "ab"} == {"tests/lab"}
    suite = [f"tests/conformance/test_{name}.py::test_a" for name in "ab"]
    assert len(set(map(lab_of, suite))) == 2


def test_what_takes_longest_is_begun_first_and_the_tests_of_a_lab_stay_together() -> None:
    names = ["x", "everything", "y", "y", "x", "y"]
    items: Any = [
        SimpleNamespace(nodeid=f"tests/truth/test_{name}.py::test_{number}")
        for number, name in enumerate(names)
    ]

    pytest_collection_modifyitems(started_with("tests/truth"), items)

    numbers = [item.nodeid.rpartition("_")[2] for item in items]
    assert numbers == ["1", "2", "3", "5", "0", "4"]
    assert longest_first(["one", *LONG])[:2] == list(LONG)
    assert all((ROOT / path).exists() for path in LONG)
