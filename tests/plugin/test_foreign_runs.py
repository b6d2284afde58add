"""Runs of other people: the plugin is installed there, and must not be noticed."""

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, cast

import pytest

from aicr_pytest.config.marks import hold_checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.plugin.conftest import Project

FOREIGN = """
    import pytest

    @pytest.mark.dra
    def test_their_own_dra():
        pass
"""


def test_dra_mark_of_a_stranger_touches_no_cluster(project: "Project") -> None:
    project.ini("markers = dra: their own")
    project.pytester.makepyfile(FOREIGN)

    result = project.run("-m", "dra", "--strict-markers")

    result.assert_outcomes(passed=1)
    assert project.connections == []
    assert "conformance" not in result.stdout.str()


def test_our_generic_marks_are_not_registered_for_strangers(project: "Project") -> None:
    project.pytester.makepyfile(FOREIGN)

    result = project.run_apart("--strict-markers")

    result.stdout.fnmatch_lines(["*'dra' not found in `markers` configuration option*"])


def test_settings_of_the_environment_start_nothing(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICR_EVIDENCE", "true")
    monkeypatch.setenv("AICR_LAB", "true")
    monkeypatch.setenv("AICR_KEEP", "nonsense")
    project.pytester.makepyfile("def test_mine(): pass")

    project.run().assert_outcomes(passed=1)

    assert project.connections == []
    assert project.lab == []


def test_sigterm_keeps_its_meaning_for_strangers(project: "Project") -> None:
    project.pytester.makepyfile(
        """
        import signal

        def test_mine():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        """
    )

    project.run_apart().assert_outcomes(passed=1)


def test_third_party_check_runs_against_the_cluster_and_decides_nothing(
    project: "Project",
) -> None:
    project.pytester.makepyfile(
        """
        import pytest

        @pytest.mark.aicr_check(requirement="secure_accelerator_access", basis="text")
        def test_theirs(aicr_cluster, aicr_evidence):
            aicr_evidence.fact("context", aicr_cluster.context)
        """
    )

    result = project.run()

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["secure_accelerator_access*Inconclusive*there was no deciding check to run*"]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_public_fixture_without_a_run_says_how_to_ask_for_one(project: "Project") -> None:
    project.pytester.makepyfile("def test_mine(aicr_cluster): pass")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the run was not asked to look at one*", "*Add --aicr*"])


PAID_BY_ALL = [
    "aicr_pytest",
    "aicr_pytest.choices",
    "aicr_pytest.config",
    "aicr_pytest.config.invocation",
    "aicr_pytest.config.marks",
    "aicr_pytest.config.options",
    "aicr_pytest.fixtures",
    "aicr_pytest.plugin",
]


def test_whole_run_of_a_stranger_loads_these_modules_and_nothing_else(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(
        """
        import sys

        def pytest_unconfigure():
            print("OURS", *sorted(name for name in sys.modules if name.startswith("aicr_")))
        """
    )
    pytester.makepyfile("def test_mine(): pass")

    result = pytester.runpytest_subprocess("-s")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([" ".join(["OURS", *PAID_BY_ALL])])


def test_what_every_run_loads_imports_only_pytest_and_the_standard_library() -> None:
    probe = f"""
        import importlib, sys
        import pytest
        before = set(sys.modules)
        for name in {PAID_BY_ALL}:
            importlib.import_module(name)
        new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
        print(sorted(new - sys.stdlib_module_names))
    """

    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(probe)], capture_output=True, text=True, check=True
    )

    assert said.stdout.strip() == "['aicr_pytest']"


def test_marks_are_looked_for_once_in_each_node() -> None:
    looked: list[str] = []

    class Node:
        def __init__(self, name: str, parent: "Node | None" = None) -> None:
            self.name, self.parent = name, parent

        @property
        def own_markers(self) -> list[pytest.Mark]:
            looked.append(self.name)
            return []

        def iter_parents(self) -> "Iterator[Node]":
            yield self
            if self.parent:
                yield from self.parent.iter_parents()

    module = Node("module", Node("session"))
    items = [Node(f"item{number}", module) for number in range(3)]

    assert not hold_checks(cast("list[pytest.Item]", items))
    assert looked == ["item0", "module", "session", "item1", "item2"]


def test_every_option_is_documented_with_its_twins(project: "Project") -> None:
    from aicr_pytest.config.options import OPTIONS

    told = project.run("--help").stdout.str()

    for option in OPTIONS:
        assert option.flag in told
        assert f"{option.ini} (" in told


THEIR_MARKS = ["('REQ-17')", "('A-1', 'A-2')", "(id='X')", "()", "", "('dra_support')"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_requirement_is_a_mark_of_others_too(project: "Project", workers: tuple[str, ...]) -> None:
    tests = [
        f"@pytest.mark.requirement{mark}\ndef test_{number}(): pass\n"
        for number, mark in enumerate(THEIR_MARKS)
    ]
    project.pytester.makepyfile("\n".join(["import pytest", *tests]))

    result = project.run_apart(*workers)

    result.assert_outcomes(passed=len(THEIR_MARKS))
    assert project.connections == []


def test_check_that_a_worker_was_not_asked_for_says_how_to_ask(project: "Project") -> None:
    project.pytester.makepyfile(
        """
        import pytest

        @pytest.mark.aicr_check(requirement="dra_support")
        def test_theirs():
            pass

        def test_mine():
            pass
        """
    )

    result = project.run_apart("-n", "2")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*have to be asked for*", "*Set aicr_suite = checks*"])
