"""How trials are dealt to workers concerns trials alone: every run here reads their conftest."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.truth.conftest import lab_of, pytest_xdist_make_scheduler


def started_with(*words: str) -> Any:
    return SimpleNamespace(invocation_params=SimpleNamespace(args=words))


@pytest.mark.parametrize("words", [("--aicr-lab", "--evidence"), ("-m", "dra"), ()])
def test_a_run_of_the_suite_deals_its_modules_itself(words: tuple[str, ...]) -> None:
    assert pytest_xdist_make_scheduler(started_with(*words), None) is None


def test_trials_of_a_module_share_a_lab_and_so_do_the_tests_of_the_lab() -> None:
    assert lab_of("tests/truth/test_fence.py::test_a[b]") == "tests/truth/test_fence.py"
    assert {lab_of(f"tests/lab/test_{name}.py::test_a") for name in "ab"} == {"tests/lab"}
    suite = [f"tests/conformance/test_{name}.py::test_a" for name in "ab"]
    assert len(set(map(lab_of, suite))) == 2
