"""The truth matrix itself can fail: every rule by which it judges has a run that breaks it."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.device_path import BrokenRuntime
from aicr_lab.lab import Lab
from aicr_pytest.evidence.run import (
    CheckResult,
    ClusterInfo,
    NodeSeen,
    RequirementResult,
    RunInfo,
    Verdict,
)

from .judging import complaints
from .suite import SuiteRun


class Nothing:
    """A way that breaks nothing."""

    def inject(self, lab: Lab) -> None:
        """Nothing."""

    def revert(self, lab: Lab) -> None:
        """Nothing."""


WRONG = CheckResult(
    check="test_aimed", title="Aimed", basis="text", outcome="failed", message="sees /dev/nvidia3"
)
FINE = CheckResult(check="test_other[a]", title="Other", basis="text", outcome="passed")
DEFECT = Defect(
    id="d",
    requirement="dra_support",
    sentence="It is broken.",
    injection=Nothing(),
    expected_message="sees /dev/nvidia3",
    detected_by="test_aimed",
)


def run(directory: Path, *results: CheckResult, verdict: Verdict = "Not Implemented") -> SuiteRun:
    requirement = RequirementResult(
        id="dra_support",
        title="DRA",
        category="accelerators",
        level="MUST",
        verdict=verdict,
        reason="because",
        checks=results,
    )
    info = RunInfo(run_id="r", requirements=(requirement,))
    status = int(any(result.outcome != "passed" for result in results))
    return SuiteRun(directory=directory, exit_status=status, output="", info=info)


def changed(result: CheckResult, **changes: Any) -> CheckResult:
    return dataclasses.replace(result, **changes)


def test_defect_seen_for_the_right_reason_gives_no_complaint(tmp_path: Path) -> None:
    assert complaints(DEFECT, run(tmp_path, WRONG, FINE)) == []


@pytest.mark.parametrize(
    ("results", "verdict", "complaint"),
    [
        ([changed(WRONG, outcome="passed"), FINE], "Not Implemented", "FALSE PASS: test_aimed"),
        ([changed(WRONG, message="timed out")], "Not Implemented", "for another reason than"),
        ([changed(WRONG, outcome="inconclusive")], "Not Implemented", "expected failed"),
        ([changed(WRONG, outcome="not run")], "Not Implemented", "expected failed"),
        ([changed(WRONG, basis="plan")], "Not Implemented", "has basis plan"),
        ([WRONG, changed(FINE, outcome="failed")], "Not Implemented", "nothing was to be seen"),
        ([WRONG, changed(FINE, outcome="error")], "Not Implemented", "nothing was to be seen"),
        ([WRONG], "Implemented", "is Implemented, expected Not Implemented"),
        ([FINE], "Not Implemented", "there is no test_aimed"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, results: list[CheckResult], verdict: Verdict, complaint: str
) -> None:
    said = complaints(DEFECT, run(tmp_path, *results, verdict=verdict))

    assert any(complaint in sentence for sentence in said), said


def test_run_without_a_verdict_is_wrong(tmp_path: Path) -> None:
    nothing = SuiteRun(directory=tmp_path, exit_status=4, output="no such file", info=None)

    assert "there is no verdict" in complaints(DEFECT, nothing)[0]


def test_exit_status_must_fit(tmp_path: Path) -> None:
    lying = dataclasses.replace(run(tmp_path, WRONG, FINE), exit_status=0)

    assert complaints(DEFECT, lying) == ["exit status 0, expected 1"]


def test_defect_of_every_node_must_be_seen_on_every_looked_at_node(tmp_path: Path) -> None:
    defect = dataclasses.replace(DEFECT, injection=BrokenRuntime(mode="inject-all"))
    nodes = tuple(NodeSeen(name=f"node-{n}", looked_at=n < 2) for n in range(3))
    one = run(tmp_path, changed(WRONG, message="node-0: sees /dev/nvidia3"))
    assert one.info is not None
    info = dataclasses.replace(one.info, cluster=ClusterInfo(nodes=nodes))

    (said,) = complaints(defect, dataclasses.replace(one, info=info))

    assert said.startswith("FALSE PASS on node-1")


def test_checks_that_a_defect_declares_may_turn_red_with_any_parameter(tmp_path: Path) -> None:
    defect = dataclasses.replace(DEFECT, also_fails=frozenset({"test_other"}))

    assert complaints(defect, run(tmp_path, WRONG, changed(FINE, outcome="inconclusive"))) == []


def test_defect_that_nobody_may_take_for_a_broken_platform(tmp_path: Path) -> None:
    defect = dataclasses.replace(DEFECT, expects="Inconclusive")
    blind = changed(WRONG, outcome="inconclusive")

    assert complaints(defect, run(tmp_path, blind, verdict="Inconclusive")) == []
    assert any("accuses" in s for s in complaints(defect, run(tmp_path, WRONG)))


def test_healthy_variant_must_have_been_met_by_the_run(tmp_path: Path) -> None:
    defect = dataclasses.replace(DEFECT, expects="Implemented", detected_by="")
    green = run(tmp_path, FINE, verdict="Implemented")

    assert "never met the defect" in complaints(defect, green)[0]
    log = tmp_path.with_suffix(".log")
    log.write_text("it sees /dev/nvidia3")
    assert complaints(defect, green, [log]) == []
    log.rename(tmp_path / "record.json")
    assert complaints(defect, green) == []
    assert complaints(defect, run(tmp_path, WRONG, verdict="Implemented")) != []
