"""The commands of the card, typed where there is nothing but the wheel; and typing errors."""

from typing import TYPE_CHECKING

import pytest

from tests.plugin.conftest import DRA

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

EVIDENCE = ("--evidence", "--evidence-dir", "out/")


def test_evidence_in_an_empty_directory_is_that_of_the_suite(project: "Project") -> None:
    result = project.run(*EVIDENCE)

    result.assert_outcomes(passed=3)
    assert [one["verdict"] for one in project.read_run()["requirements"]] == ["Implemented"] * 2


def test_evidence_in_an_empty_directory_is_that_of_the_suite_in_workers_too(
    project: "Project",
) -> None:
    project.run_apart(*EVIDENCE, "-n", "2").assert_outcomes(passed=3)


@pytest.mark.parametrize("hidden", ["norecursedirs = nothing", "norecursedirs = .*"])
def test_suite_below_the_current_directory_is_collected_once(
    project: "Project", hidden: str
) -> None:
    project.ini("aicr_suite = true", hidden)
    project.pytester.makepyfile(test_own="def test_mine(): pass")

    project.run().assert_outcomes(passed=4)


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_evidence_beside_somebodys_own_tests_is_no_order_for_the_suite(
    project: "Project", workers: tuple[str, ...]
) -> None:
    project.pytester.makepyfile(test_own="def test_mine(): pass")

    result = project.run_apart(*EVIDENCE, *workers)

    assert result.parseoutcomes()["passed"] == 1
    result.stdout.fnmatch_lines(["aicr-pytest: no check was selected. `pytest --aicr` runs*"])


def test_evidence_beside_a_check_of_somebodys_own_is_of_that_check(project: "Project") -> None:
    project.pytester.makepyfile(
        """
        import pytest

        @pytest.mark.aicr_check(requirement="dra_support")
        def test_theirs(aicr_cluster):
            pass
        """
    )

    result = project.run(*EVIDENCE)

    result.assert_outcomes(passed=1, deselected=3)
    (requirement,) = project.read_run()["requirements"]
    assert [check["check"] for check in requirement["checks"]] == ["test_theirs"]


@pytest.mark.parametrize(
    "words", [("test_own.py",), (), ("--aicr", "-m", "nothing"), ("--aicr", "-k", "nothing")]
)
def test_dossier_of_nothing_is_none(project: "Project", words: tuple[str, ...]) -> None:
    project.pytester.makepyfile(test_own="def test_mine(): pass")

    project.run(*words, *EVIDENCE)

    out = project.path / "out"
    assert not out.exists() or {file.name for file in out.iterdir()} <= {"report.html"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("FAKE_REFUSAL", "ApiUnreachable"), ("FAKE_FORBIDDEN", "create pods;create namespaces")],
)
def test_run_that_cannot_begin_leaves_its_directory_to_the_next_try(
    project: "Project", monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(name, value)
        refused = project.run(*EVIDENCE)

    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert not (project.path / "out").exists()
    project.run(*EVIDENCE).assert_outcomes(passed=3)


def test_our_mark_where_nothing_is_says_the_line_to_type(project: "Project") -> None:
    result = project.run("-m", "dra or gang")

    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(
        [
            (
                "aicr-pytest: no test was found here. The conformance suite: "
                "pytest --aicr -p fake_platform -p no:hypothesispytest -n0 -m 'dra or gang'"
            )
        ]
    )
    assert project.connections == []


def test_our_option_where_nothing_is_says_the_line_to_type(project: "Project") -> None:
    result = project.run("--aicr-keep", "never")

    result.stdout.fnmatch_lines(["aicr-pytest: no test was found here.*--aicr-keep never"])
    assert project.connections == []


def test_mark_of_a_stranger_where_nothing_is_says_nothing(project: "Project") -> None:
    assert "aicr-pytest:" not in project.run("-m", "slow").stdout.str()
    assert "aicr-pytest:" not in project.run().stdout.str()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("draa", "dra"),
        ("secure or gangs", "'secure or gang'"),
        ("not metric", "'not metrics'"),
        ("muust", "must"),
    ],
)
def test_misspelt_mark_is_refused_with_the_one_that_was_meant(
    project: "Project", typed: str, meant: str
) -> None:
    result = project.run("--aicr", "-m", typed, *EVIDENCE)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: -m: no check has the mark *Did you mean -m {meant}[?]"])
    assert project.connections == []
    assert not (project.path / "out").exists()


def test_misspelt_mark_without_an_order_is_told_at_the_end(project: "Project") -> None:
    result = project.run("-m", "draa")

    result.stdout.fnmatch_lines(["aicr-pytest: -m: *mark draa. Did you mean -m dra[?]"])


def test_misspelt_mark_may_be_one_of_somebodys_own(project: "Project") -> None:
    project.ini("markers = draa: their own")

    result = project.run("--aicr", "-m", "draa or dra")

    result.assert_outcomes(passed=1, deselected=2)


@pytest.mark.parametrize("start", ["", "conformance/", "elsewhere/of/old/"])
def test_node_id_as_it_is_printed_runs_again(project: "Project", start: str) -> None:
    project.suite(dra_support=DRA.replace("pass", "assert False"))
    printed = next(
        line.split()[1]
        for line in project.run("--aicr", "-rf").stdout.lines
        if line.startswith("FAILED ")
    )

    result = project.run("--aicr", start + printed.rpartition("/")[2])

    result.assert_outcomes(failed=1)


def test_node_id_of_a_file_outside_of_the_project_names_the_file(
    project: "Project", tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.suite(dra_support=DRA.replace("pass", "assert False"))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    for word in ("test_dra_support.py", "test_dra_support.py::test_claim_is_allocated"):
        result = project.run("--aicr", "-rf", word)

        failed = [line.split()[1] for line in result.stdout.lines if line.startswith("FAILED")]
        assert failed == ["test_dra_support.py::test_claim_is_allocated"]


def test_node_id_that_is_no_check_of_the_suite_is_pytests_to_refuse(project: "Project") -> None:
    result = project.run("--aicr", "test_dra_suport.py")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: file or directory not found: test_dra_suport.py"])
