"""junit-report.xml tells a broken platform from one that could not be looked at."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from aicr_pytest.evidence.record import Outcome
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import CheckResult, RequirementResult, RunInfo
from aicr_pytest.evidence.store import EvidenceStore
from aicr_pytest.reports import junit
from aicr_pytest.reports.view import read_view
from tests.unit.reports import sample


@pytest.fixture
def report(tmp_path: Path) -> ElementTree.Element:
    run = sample.make(tmp_path / "out")
    return ElementTree.fromstring((run / "junit-report.xml").read_bytes())


def case(report: ElementTree.Element, name: str) -> ElementTree.Element:
    [found] = [case for case in report.iter("testcase") if case.get("name") == name]
    return found


def properties(element: ElementTree.Element) -> dict[str | None, str | None]:
    return {p.get("name"): p.get("value") for p in element.findall("properties/property")}


def test_each_check_is_one_test_case_in_the_suite_of_its_requirement(
    report: ElementTree.Element,
) -> None:
    suites = {suite.get("name"): suite for suite in report}
    names = [(c.get("classname"), c.get("name")) for c in report.iter("testcase")]

    assert list(suites) == ["aicr.dra_support", "aicr.secure_accelerator_access"]
    assert len(names) == len(set(names)) == 7
    assert names[0] == ("aicr.dra_support", "test_stable_dra_api_is_served")
    assert counts(report) == {"tests": "7", "failures": "2", "errors": "1"}
    assert counts(suites["aicr.secure_accelerator_access"]) == {
        "tests": "4", "failures": "2", "errors": "1", "skipped": "1"
    }  # fmt: skip


def counts(element: ElementTree.Element) -> dict[str, str]:
    kinds = ("tests", "failures", "errors", "skipped")
    return {name: value for name, value in element.items() if name in kinds}


def test_suite_tells_the_requirement_and_the_run(report: ElementTree.Element) -> None:
    told = properties(report[0])

    assert (
        told.items()
        >= {
            "requirement": "dra_support",
            "level": "not listed",
            "verdict": "Implemented",
            "simulated": "true",
            "kubernetes": "v1.37.2",
        }.items()
    )


def test_test_case_tells_basis_outcome_and_where_its_evidence_is(
    report: ElementTree.Element,
) -> None:
    said = case(report, "test_stable_dra_api_is_served").findtext("system-out", "")

    assert "outcome: passed\nbasis: plan\nrequirement: dra_support, not listed\n" in said
    assert "evidence: dra_support/test_stable_dra_api_is_served\n" in said


JENKINS: dict[str, tuple[set[str], set[str]]] = {
    # What junit-10.xsd of Jenkins' xunit plugin allows: attributes and children.
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "testcase": (
        {"name", "time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "skipped": ({"type", "message"}, set()),
    "system-out": (set(), set()),
    "system-err": (set(), set()),
}


def test_report_is_valid_for_jenkins(report: ElementTree.Element) -> None:
    for element in report.iter():
        attributes, children = JENKINS[element.tag]
        assert set(element.keys()) <= attributes
        assert {child.tag for child in element} <= children
        if element.tag == "testsuite":
            assert {"name", "tests", "failures", "errors"} <= set(element.keys())


def test_attachments_lead_to_files_from_the_directory_of_the_job(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path / "out", "run-1", Redactor())
    evidence = store.begin("x", "test_x", title="X", proves="", basis="text")
    evidence.text("Log", "[[ATTACHMENT|/etc/passwd]]", source="s")
    evidence.fact("said", "[[ATTACHMENT|/etc/passwd]]")
    evidence.table("Seen", ["a"], [["b"]], source="s")
    store.end(evidence, "passed")
    store.write_run(RunInfo(run_id="run-1", directory="out"))

    report = ElementTree.fromstring(junit.render(read_view(tmp_path / "out")))
    said = report.findtext("testsuite/testcase/system-out", "")

    attached = re.findall(r"\[\[ATTACHMENT\|(.+?)\]\]", said)
    assert attached == ["out/x/test_x/02-Seen.json", "out/x/test_x/01-Log.txt"]
    assert all((tmp_path / path).is_file() for path in attached)


@pytest.mark.parametrize(
    ("outcome", "tag"),
    [
        ("passed", None),
        ("failed", "failure"),
        ("absent", "failure"),
        ("inconclusive", "error"),
        ("unknown", "error"),
        ("error", "error"),
        ("skipped", "skipped"),
        ("not applicable", "skipped"),
        ("not run", "skipped"),
    ],
)
def test_only_what_speaks_against_the_platform_is_a_failure(
    tmp_path: Path, outcome: Outcome, tag: str | None
) -> None:
    found = _report_of(tmp_path, outcome).find("testsuite/testcase")

    assert found is not None
    tags = {child.tag for child in found} & {"failure", "error", "skipped"}
    assert tags == ({tag} if tag else set())


def test_passed_check_that_left_something_behind_is_an_error(tmp_path: Path) -> None:
    error = _report_of(tmp_path, "passed", left_behind="claim x").find("testsuite/testcase/error")

    assert error is not None
    assert (error.get("type"), error.get("message")) == ("left behind", "left behind: claim x")


def test_not_run_is_skipped_with_that_message(report: ElementTree.Element) -> None:
    skipped = case(report, "test_access_is_mediated").find("skipped")

    assert skipped is not None
    assert skipped.get("message") == "not run"


def test_binary_junk_is_valid_xml(tmp_path: Path) -> None:
    junk = bytes(range(256)).decode("utf-8", "surrogateescape") + "]]>\ud800\uffff"

    report = _report_of(tmp_path, "failed", message=junk)

    failure = report.find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.text is not None
    assert "\\x00" in failure.text


def test_problems_of_the_evidence_are_told(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    store.write_run(RunInfo(run_id="run-1", problems=("disk full",)))

    report = ElementTree.fromstring(junit.render(read_view(tmp_path)))

    assert report.findtext("testsuite/system-err") == "disk full"
    assert properties(report[0])["evidence_complete"] == "false"


def _report_of(
    directory: Path, outcome: Outcome, *, message: str = "why", left_behind: str = ""
) -> ElementTree.Element:
    store = EvidenceStore.open(directory, "run-1", Redactor())
    evidence = store.begin("dra_support", "test_x", title="X", proves="", basis="text")
    store.end(evidence, outcome, message, left_behind=left_behind)
    result = CheckResult(check="test_x", title="X", basis="text", outcome=outcome, message=message)
    requirement = RequirementResult(
        id="dra_support",
        title="DRA",
        category="accelerators",
        level="MUST",
        verdict="Inconclusive",
        reason="",
        checks=(result,),
    )
    store.write_run(RunInfo(run_id="run-1", requirements=(requirement,)))
    return ElementTree.fromstring(junit.render(read_view(directory)))
