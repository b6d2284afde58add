"""A run that was asked for: what it says, and what it leaves."""

import re
from typing import TYPE_CHECKING

import pytest

from tests.plugin.conftest import DRA

if TYPE_CHECKING:
    from tests.plugin.conftest import Project


def test_aicr_runs_the_suite_and_nothing_else(project: "Project") -> None:
    project.pytester.makepyfile(test_own="def test_mine(): pass")

    result = project.run("--aicr")

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "cluster: context fake, https://fake.example:6443, Kubernetes v1.37.2",
            "plan: 3 checks of dra_support (not listed), secure_accelerator_access (MUST)",
            "creates, and removes again: a pod",
            "holds up to 2 accelerators at once, for about 7 s",
            "dra_support                not listed  Implemented * 1 of 1 deciding checks passed",
            "secure_accelerator_access  MUST        Implemented * 2 of 2 deciding checks passed",
        ]
    )
    assert result.ret == 0
    assert len(project.connections) == 1


@pytest.mark.parametrize("verbosity", ["-v", "-q"])
def test_header_comes_before_the_first_check(project: "Project", verbosity: str) -> None:
    project.suite(dra_support=DRA.replace("pass", "print('it began')"))

    result = project.run("--aicr", "-s", verbosity)

    lines = result.stdout.str()
    assert lines.index("cluster: context fake") < lines.index("plan: 3 checks")
    assert lines.index("plan: 3 checks") < lines.index("it began")


def test_feature_mark_asks_for_the_suite_in_our_repository(project: "Project") -> None:
    project.ini("aicr_suite = asked", "strict = true")
    project.pytester.makepyfile(test_own="def test_mine(): pass")

    result = project.run("-m", "dra")

    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["dra_support*Implemented*"])


def test_plain_pytest_in_our_repository_runs_its_own_tests(project: "Project") -> None:
    project.ini("aicr_suite = asked", "testpaths = test_own.py")
    project.pytester.makepyfile(test_own="def test_mine(): pass")

    result = project.run("-v")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["test_own.py::test_mine PASSED*"])
    assert project.connections == []


def test_folder_above_the_suite_does_not_ask_for_it(project: "Project") -> None:
    project.ini("aicr_suite = asked", "norecursedirs = nothing")
    project.pytester.makepyfile(test_own="def test_mine(): pass")

    project.run(".").assert_outcomes(passed=1)

    assert project.connections == []


def test_path_of_the_suite_asks_for_it(project: "Project") -> None:
    result = project.run(".package/suite/conformance/test_dra_support.py")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["dra_support*Implemented*"])


def test_project_that_wants_the_suite_gets_it_beside_its_own_tests(project: "Project") -> None:
    project.ini("aicr_suite = true", "testpaths = test_own.py")
    project.pytester.makepyfile(test_own="def test_mine(): pass")

    project.run().assert_outcomes(passed=4)


def test_project_that_wants_the_suite_can_still_run_one_file_of_its_own(
    project: "Project",
) -> None:
    project.ini("aicr_suite = true")
    project.pytester.makepyfile(test_own="def test_mine(): pass")

    project.run("test_own.py").assert_outcomes(passed=1)

    assert project.connections == []


def test_feature_option_leaves_the_other_requirements_out(project: "Project") -> None:
    result = project.run("--aicr", "--aicr-feature", "secure-access")

    result.assert_outcomes(passed=2, deselected=1)
    assert "dra_support " not in result.stdout.str()


def test_must_means_the_list_of_the_servers_version(
    project: "Project", monkeypatch: "pytest.MonkeyPatch"
) -> None:
    monkeypatch.setenv("FAKE_VERSION", "v1.35.0-gke.1")

    project.run("--aicr", "-m", "must").assert_outcomes(passed=3)

    monkeypatch.setenv("FAKE_VERSION", "v1.37.0")
    project.run("--aicr", "-m", "must").assert_outcomes(passed=2, deselected=1)


def test_named_version_beats_the_servers(project: "Project") -> None:
    result = project.run("--aicr", "-m", "must", "--aicr-k8s-version", "1.35")

    result.assert_outcomes(passed=3)


@pytest.mark.parametrize("option", ["--collect-only", "--markers", "--fixtures", "--setup-plan"])
def test_options_that_only_show_something_contact_no_cluster(
    project: "Project", option: str
) -> None:
    result = project.run("--aicr", "--evidence-dir", "out", option)

    assert result.ret == 0
    assert project.connections == []
    assert not (project.path / "out").exists()


def test_lab_is_started_and_taken_down(project: "Project") -> None:
    result = project.run("--aicr", "--aicr-lab", "--aicr-lab-name", "two", "--evidence-dir=out")

    result.stdout.fnmatch_lines(["starting two", "cluster: fake lab, *", "SIMULATED: *"])
    assert project.lab == ["start two", "stop two"]
    assert "lab.kubeconfig" in project.connections[0]
    assert project.read_run()["simulated"] is True


def test_lab_is_not_started_when_the_evidence_directory_is_refused(project: "Project") -> None:
    (project.path / "out").mkdir()
    (project.path / "out" / "mine.txt").write_text("precious")

    result = project.run("--aicr", "--aicr-lab", "--evidence-dir=out")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: evidence directory *out: holds something else*"])
    assert project.lab == []
    assert [path.name for path in (project.path / "out").iterdir()] == ["mine.txt"]


def test_evidence_alone_gets_a_directory_of_its_own_each_time(project: "Project") -> None:
    project.run("--aicr", "--evidence")
    project.run("--aicr", "--evidence")

    runs = list((project.path / "aicr-evidence").iterdir())
    assert len(runs) == 2
    assert all((run / "index.html").is_file() for run in runs)


def test_evidence_holds_reports_records_and_a_manifest_that_fits(project: "Project") -> None:
    result = project.run("--aicr", "--evidence-dir=out")

    out = project.path / "out"
    names = {path.name for path in out.iterdir()}
    assert {
        "index.html",
        "report.html",
        "junit-report.xml",
        "ctrf.json",
        "summary.md",
        "run.json",
        "manifest.json",
    } <= names
    assert (out / "secure_accelerator_access" / "test_pod_sees_its_device" / "record.json").exists()
    result.stdout.fnmatch_lines(["Evidence: *out/index.html"])
    from aicr_pytest.run.verification import verify

    assert verify(out).problems == verify(out).notes == ()


def test_run_json_tells_requirement_level_verdict_and_checks(project: "Project") -> None:
    project.run("--aicr", "--evidence-dir=out")

    told = project.read_run()
    assert told["simulated"] is False
    assert told["cluster"]["version"] == "v1.37.2"
    assert told["exit_status"] == 0
    assert [(r["id"], r["level"], r["verdict"]) for r in told["requirements"]] == [
        ("dra_support", "not listed", "Implemented"),
        ("secure_accelerator_access", "MUST", "Implemented"),
    ]
    assert [check["basis"] for check in told["requirements"][1]["checks"]] == ["text", "plan"]


def test_run_json_tells_what_it_was_made_with(project: "Project") -> None:
    project.run("--aicr", "-m", "dra", "--evidence-dir=ci/out")

    told = project.read_run("ci/out")
    assert told["directory"] == "ci/out"
    assert told["tool"].startswith("aicr-pytest 0.")
    assert list(told["suite"]) == ["conformance/test_dra_support.py"]
    assert len(told["suite_sha256"]) == 64
    junit = (project.path / "ci/out/junit-report.xml").read_text()
    for file in re.findall(r"\[\[ATTACHMENT\|(.+?)\]\]", junit):
        assert (project.path / file).is_file()


def test_without_evidence_nothing_is_written(project: "Project") -> None:
    before = {path.name for path in project.path.iterdir()}

    project.run("--aicr", "-p", "no:cacheprovider")

    after = {path.name for path in project.path.iterdir()} - {"__pycache__", "connections.txt"}
    assert after <= before


def test_run_without_any_check_says_how_to_get_some(project: "Project") -> None:
    project.pytester.makepyfile(test_own="def test_mine(): pass")

    result = project.run("test_own.py", "--evidence-dir=out")

    result.stdout.fnmatch_lines(["aicr-pytest: no check was selected.*"])


def test_run_works_without_a_terminal(project: "Project") -> None:
    result = project.run_apart("--aicr", "-p", "no:terminal", "--evidence-dir=out")

    assert result.ret == 0
    assert result.stdout.str() == ""
    assert project.read_run()["exit_status"] == 0


def test_page_of_pytest_html_says_that_it_is_simulated_and_leads_to_the_dossier(
    project: "Project",
) -> None:
    project.run("--aicr", "--aicr-lab", "--evidence-dir=out")

    page = (project.path / "out" / "report.html").read_text(encoding="utf-8")
    assert "SIMULATED" in page
    assert 'href="index.html"' in page
    assert "col-requirement" in page


def test_module_that_cannot_be_collected_ends_the_run_before_any_check(
    project: "Project",
) -> None:
    project.suite(dra_support="import nothing_that_exists")

    result = project.run("--aicr", "--evidence-dir=out")

    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "INTERNALERROR" not in result.stdout.str()
    outcomes = [c["outcome"] for r in project.read_run()["requirements"] for c in r["checks"]]
    assert outcomes == ["not run", "not run"]


def test_run_works_without_pytest_html(project: "Project") -> None:
    result = project.run("--aicr", "-p", "no:html", "--evidence-dir=out")

    assert result.ret == 0
    assert (project.path / "out" / "index.html").is_file()
    assert not (project.path / "out" / "report.html").exists()


def test_warnings_as_errors_do_not_break_a_run(project: "Project") -> None:
    result = project.run_apart(
        "--aicr", "-W", "error", "--strict-markers", "--junitxml", "j.xml", "--evidence-dir", "out"
    )

    result.assert_outcomes(passed=3)
    junit = (project.path / "j.xml").read_text(encoding="utf-8")
    assert '<property name="requirement" value="dra_support"' in junit


def test_unverified_server_is_said_in_header_evidence_and_dossier(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_INSECURE", "1")

    result = project.run("--aicr", "--evidence-dir=ev")

    said = "the API server's certificate is not verified (insecure-skip-tls-verify"
    result.stdout.fnmatch_lines([f"insecure: {said}*"])
    assert said in (project.path / "ev" / "run.json").read_text()
    assert "certificate is not verified" in (project.path / "ev" / "index.html").read_text()
