"""When the suite is asked for."""

from pathlib import Path

import pytest

from aicr_pytest.config.invocation import CommandLine, decide
from aicr_pytest.locations import suite_dir

PLAIN = CommandLine(
    ordered=False,
    mode="never",
    options=(),
    mark_expression="",
    arguments=("/project",),
    named_paths=False,
    directory=Path("/project"),
)
SUITE = str(suite_dir())


def test_plain_run_asks_for_nothing() -> None:
    assert decide(PLAIN).asked is False


@pytest.mark.parametrize(
    "expression", ["dra", "not dra", "dra or gang", "must", "secure_accelerator_access"]
)
def test_our_marks_ask_only_where_the_project_says_so(expression: str) -> None:
    line = PLAIN._replace(mark_expression=expression)

    assert decide(line).asked is False
    assert decide(line._replace(mode="asked")).arguments == (SUITE,)


def test_other_marks_do_not_ask() -> None:
    line = PLAIN._replace(mode="asked", mark_expression="slow and not flaky")

    assert decide(line).asked is False


@pytest.mark.parametrize(
    "option",
    ["aicr_evidence", "aicr_evidence_dir", "aicr_lab", "aicr_provision", "aicr_feature"],
)
def test_options_ask_and_bring_the_suite_at_once_only_in_our_repository(option: str) -> None:
    line = PLAIN._replace(options=(option,))

    assert decide(line) == (True, ("/project", SUITE), True)
    assert decide(line._replace(mode="asked")) == (True, (SUITE,), False)
    assert decide(line._replace(mode="checks")) == (True, None, False)
    assert decide(line._replace(named_paths=True)) == (True, None, False)


def test_option_that_says_how_does_not_ask() -> None:
    assert decide(PLAIN._replace(mode="asked", options=("aicr_keep",))).asked is False


def test_order_brings_the_suite_beside_named_paths() -> None:
    line = PLAIN._replace(ordered=True, named_paths=True, arguments=("checks/test_ours.py",))

    assert decide(line).arguments == ("checks/test_ours.py", SUITE)


def test_order_does_not_widen_a_path_of_the_suite() -> None:
    one = f"{SUITE}/test_dra_support.py::test_x"

    assert (
        decide(PLAIN._replace(ordered=True, named_paths=True, arguments=(one,))).arguments is None
    )


def test_path_of_the_suite_asks() -> None:
    line = PLAIN._replace(named_paths=True, arguments=(f"{SUITE}/test_dra_support.py",))

    assert decide(line).asked is True


def test_project_with_checks_of_its_own_asks_without_the_suite() -> None:
    asked = decide(PLAIN._replace(mode="checks"))

    assert asked.asked is True
    assert asked.arguments is None


def test_node_id_as_printed_elsewhere_is_found_in_the_suite() -> None:
    line = PLAIN._replace(
        ordered=True, named_paths=True, arguments=("conformance/test_dra_support.py::test_x[a/b]",)
    )

    assert decide(line).arguments == (f"{SUITE}/test_dra_support.py::test_x[a/b]",)
    assert decide(line._replace(ordered=False)).arguments is None
