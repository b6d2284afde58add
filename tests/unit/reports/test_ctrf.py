"""ctrf.json is what readers of the Common Test Report Format expect."""

import json
from pathlib import Path
from typing import Any

import pytest

from aicr_pytest.evidence.provenance import tool
from aicr_pytest.reports import ctrf
from aicr_pytest.reports.view import read_view
from tests.unit.evidence import small_run
from tests.unit.reports import sample

COUNTS = ("tests", "passed", "failed", "skipped", "pending", "other")
KNOWN = {
    # Of a test, in ctrf.schema.json, which allows no others; those that we give.
    *("name", "status", "duration", "start", "stop", "suite", "message", "trace", "rawStatus"),
    *("tags", "type", "threadId", "steps", "attachments", "extra", "retries", "retryAttempts"),
}


@pytest.fixture
def report(tmp_path: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((sample.make(tmp_path / "out") / "ctrf.json").read_text())
    return made


def test_report_has_what_the_format_demands(report: dict[str, Any]) -> None:
    results = report["results"]

    assert (report["reportFormat"], report["specVersion"]) == ("CTRF", "0.1.0")
    assert results["tool"] == {"name": "aicr-pytest", "version": "0.1.0"}
    assert {name: results["summary"][name] for name in COUNTS} == {
        "tests": 7, "passed": 3, "failed": 2, "skipped": 0, "pending": 1, "other": 1
    }  # fmt: skip
    assert results["summary"]["stop"] - results["summary"]["start"] == 56400
    for test in results["tests"]:
        assert {"name", "status", "duration"} <= test.keys() <= KNOWN
        assert type(test["duration"]) is int


def test_inconclusive_is_no_failure_and_keeps_its_name(report: dict[str, Any]) -> None:
    told = {test["name"]: test for test in report["results"]["tests"]}
    blind = told["test_two_pods_cannot_open_each_others_device"]

    assert (blind["status"], blind["rawStatus"]) == ("other", "inconclusive")
    assert blind["message"].startswith("NoCapacity")
    assert blind["suite"] == ["secure_accelerator_access"]


def test_attachments_are_the_observations(tmp_path: Path) -> None:
    run = small_run.make(tmp_path / "out")

    report = json.loads(ctrf.render(read_view(run)))
    [test] = report["results"]["tests"]

    assert [one["contentType"] for one in test["attachments"]] == ["text/plain", "application/json"]
    assert all((run / one["path"]).is_file() for one in test["attachments"])


def test_check_that_left_something_behind_did_not_pass(tmp_path: Path) -> None:
    run = small_run.make(tmp_path / "out")
    record = run / "robust_controller/test_crd_is_served/record.json"
    record.write_text(record.read_text().replace('"left_behind": ""', '"left_behind": "a pod"'))

    [test] = json.loads(ctrf.render(read_view(run)))["results"]["tests"]

    assert test["status"] == "other"


def test_report_names_the_program_that_made_it(tmp_path: Path) -> None:
    run = small_run.make(tmp_path / "out")
    assert ctrf.made_by(run) == ""

    (run / "ctrf.json").write_bytes(ctrf.render(read_view(run)))

    assert ctrf.made_by(run) == tool()
