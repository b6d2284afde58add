"""Which checks run and in which order: a requirement is whole only with all of them, as written."""

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

MODULE = ".package/suite/conformance/test_secure_accelerator_access.py"
SUITE = """
    import pathlib
    import pytest

    pytestmark = pytest.mark.requirement("secure_accelerator_access")

    @pytest.fixture(scope="module", autouse=True)
    def order():
        with open("order.txt", "a") as file:
            file.write("begin ")
            yield file

    def test_zeta(order):
        order.write("zeta ")

    @pytest.mark.parametrize("kind", ["C", "A", "B"])
    def test_kind(kind, order):
        order.write(f"{kind} ")
        assert kind != BROKEN

    def test_alpha(order):
        order.write("alpha ")
"""
WRITTEN = "begin zeta C A B alpha "
SHUFFLES = {
    "first": """
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_collection_modifyitems(items):
            items.sort(key=lambda item: item.name[::-1])
        """,
    "last": """
        import pytest

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_collection_modifyitems(items):
            yield
            items.reverse()
        """,
    "between": """
        import pytest

        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(items):
            theirs = [item for item in items if "kind" not in item.name]
            ours = [item for item in items if item not in theirs]
            items[:] = [*theirs[::-1], *ours[::-1]]
        """,
}


def suite(project: "Project", broken: str = "") -> None:
    project.suite(secure_accelerator_access=SUITE.replace("BROKEN", repr(broken)))
    (project.path / ".package/suite/conformance/test_dra_support.py").unlink()


def order(project: "Project") -> str:
    return (project.path / "order.txt").read_text(encoding="utf-8")


def verdict(project: "Project") -> Any:
    (requirement,) = project.read_run()["requirements"]
    return requirement


@pytest.mark.parametrize("plugin", SHUFFLES)
def test_order_is_the_written_one_whoever_shuffles(project: "Project", plugin: str) -> None:
    suite(project)
    project.pytester.makepyfile(shuffles=SHUFFLES[plugin], test_mine="def test_it(): pass")

    result = project.run("-p", "shuffles", "--aicr", "test_mine.py")

    assert order(project) == WRITTEN
    result.assert_outcomes(passed=6)


def test_order_is_the_written_one_in_workers(project: "Project") -> None:
    suite(project)
    project.pytester.makepyfile(shuffles=SHUFFLES["last"])

    project.run_apart("-p", "shuffles", "--aicr", "-n", "2")

    assert order(project) == WRITTEN


def test_what_failed_last_does_not_run_first(project: "Project") -> None:
    suite(project, broken="B")
    project.run("--aicr")
    (project.path / "order.txt").unlink()

    project.run("--aicr", "--ff", "--evidence-dir", "out")

    assert order(project) == WRITTEN
    assert verdict(project)["verdict"] == "Not Implemented"


def test_node_ids_in_another_order_run_as_written(project: "Project") -> None:
    suite(project)

    project.run(f"{MODULE}::test_alpha", f"{MODULE}::test_zeta")

    assert order(project) == "begin zeta alpha "


@pytest.mark.parametrize(
    "arguments",
    [
        tuple(f"{MODULE}::test_{name}" for name in ("zeta", "alpha", "kind[A]", "kind[C]")),
        ("--aicr", "-k", "not B"),
        ("--aicr", "--deselect", f"{MODULE}::test_kind[B]"),
        ("--aicr", "-p", "hides"),
    ],
)
def test_one_parameter_left_out_is_said_and_no_verdict(
    project: "Project", arguments: tuple[str, ...]
) -> None:
    suite(project, broken="B")
    project.pytester.makepyfile(
        hides="""
        import pytest

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_collection_modifyitems(items):
            items[:] = [item for item in items if "B" not in item.name]
            yield
        """
    )

    result = project.run(*arguments, "--evidence-dir", "out")

    told = verdict(project)
    assert told["verdict"] == "Inconclusive"
    assert told["reason"] == "4 of 5 deciding checks ran; not run: Kind [B]"
    assert result.ret == 0, "a requirement that was not selected whole does not fail a run"


def test_check_that_is_none_to_pytest_is_missed(project: "Project") -> None:
    suite(project, broken="B")
    project.ini("python_functions = test_*a")

    project.run("--aicr", "--evidence-dir", "out")

    assert verdict(project)["reason"] == "2 of 3 deciding checks ran; not run: Kind"


PRETENDS = """
    def pytest_collection_finish(session):
        for item in session.items:
            item.{what} = lambda **_: None
"""


@pytest.mark.parametrize(
    "hollow",
    [
        "def pytest_pyfunc_call(): return True",
        PRETENDS.format(what="runtest"),
        PRETENDS.format(what="obj"),
    ],
)
def test_check_that_a_plugin_only_pretends_to_call_did_not_run(
    project: "Project", hollow: str
) -> None:
    suite(project, broken="B")
    project.pytester.makeconftest(hollow)

    project.run("--aicr", "--evidence-dir", "out")

    assert verdict(project)["verdict"] == "Inconclusive"
    assert verdict(project)["reason"].startswith("0 of 5 deciding checks ran")


def test_workers_that_all_run_everything_are_refused(project: "Project") -> None:
    result = project.run_as_it_comes("--aicr", "--dist", "each", "--tx", "2*popen")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --dist each runs every check in every worker*"])
    assert project.connections == []


@pytest.mark.parametrize("switch", [("-O",), ()])
def test_assertions_that_vanish_are_refused(
    project: "Project", switch: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not switch:
        monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    command = (sys.executable, *switch, "-m", "pytest", "-p", "fake_platform", "--aicr")

    result = project.pytester.run(*command, "--assert=plain")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --assert=plain and Python's -O*"])
    assert project.connections == []


def test_assertions_that_pytest_keeps_are_kept(project: "Project") -> None:
    suite(project, broken="B")
    command = (sys.executable, "-O", "-m", "pytest", "-p", "fake_platform", "--aicr")

    project.pytester.run(*command, "--evidence-dir", "out", "-W", "ignore")

    assert verdict(project)["verdict"] == "Not Implemented"
    assert json.loads((project.path / "out" / "run.json").read_text())["exit_status"] == 1
