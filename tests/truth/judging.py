"""What is wrong with a run on a broken lab: the rules by which the truth matrix judges."""

import re
from collections.abc import Iterable
from pathlib import Path

from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.device_path import BrokenRuntime, LyingTool
from aicr_pytest.evidence.run import CheckResult

from .suite import FINE, SuiteRun


def complaints(defect: Defect, run: SuiteRun, logs: Iterable[Path] = ()) -> list[str]:
    """Where a run is not what the defect promises, as sentences; empty where it is.

    Args:
        logs: of the lab's components, where a defect without a check may have left its trace.
    """
    if not run.requirements:
        return [f"there is no verdict: {run}"]
    if _blinded(defect, run):
        return []
    wrong = [
        f"{one.id} is {one.verdict}, expected {defect.expects}: {one.reason}"
        for one in run.requirements
        if one.verdict != defect.expects
    ]
    wrong += _beside(defect, run.results)
    wrong += _aimed(defect, run) if defect.detected_by else _met(defect, run, logs)
    if run.left_behind and not defect.leaves_behind:
        wrong.append(f"left behind: {run.left_behind}")
    expected = 0 if run.all_fine else 1
    if run.exit_status != expected:
        wrong.append(f"exit status {run.exit_status}, expected {expected}")
    return wrong


def _blinded(defect: Defect, run: SuiteRun) -> bool:
    """Whether the defect had taken away what could be looked at, and nobody was accused."""
    aimed = run.result(defect.detected_by)
    return (
        bool(defect.or_inconclusive_because)
        and aimed is not None
        and aimed.outcome == "inconclusive"
        and re.search(defect.or_inconclusive_because, aimed.message) is not None
        and all(one.verdict == "Inconclusive" for one in run.requirements)
        and all(result.outcome != "failed" for result in run.results)
    )


def _beside(defect: Defect, results: list[CheckResult]) -> list[str]:
    """Checks that noticed something though the defect does not say so."""
    declared = {defect.detected_by, *defect.also_fails}
    anywhere = defect.expects == "Inconclusive" and not defect.detected_by
    wrong = []
    for result in results:
        told = f"{result.check} is {result.outcome}: {result.message}"
        if result.outcome == "failed" and defect.expects == "Inconclusive":
            wrong.append(f"accuses the platform where nobody could look: {told}")
        elif result.outcome not in FINE and not anywhere and not _names(declared, result.check):
            wrong.append(f"nothing was to be seen there: {told}")
    return wrong


def _names(declared: set[str], check: str) -> bool:
    return check in declared or check.partition("[")[0] in declared


def _aimed(defect: Defect, run: SuiteRun) -> list[str]:
    """Whether the defect was noticed where it is aimed at, for the right reason."""
    sought = "inconclusive" if defect.expects == "Inconclusive" else "failed"
    result = run.result(defect.detected_by)
    if result is None:
        return [f"there is no {defect.detected_by}"]
    if result.outcome == "passed":
        return [f"FALSE PASS: {defect.detected_by} passed though: {defect.sentence}"]
    wrong = []
    if result.outcome != sought:
        wrong.append(f"{result.check} is {result.outcome}, expected {sought}: {result.message}")
    if result.basis != defect.basis:
        wrong.append(f"{result.check} has basis {result.basis}, expected {defect.basis}")
    if not re.search(defect.expected_message, result.message, re.DOTALL):
        wrong.append(
            f"{result.check} is {result.outcome} for another reason than "
            f"{defect.expected_message!r}: "
            f"{result.message}"
        )
    return wrong + _overlooked(defect, run, result)


def _overlooked(defect: Defect, run: SuiteRun, result: CheckResult) -> list[str]:
    """Looked-at nodes on which a defect of every node was not noticed: a false PASS there."""
    if result.outcome != "failed" or not isinstance(defect.injection, BrokenRuntime | LyingTool):
        return []
    assert run.info is not None
    nodes = [node.name for node in run.info.cluster.nodes if node.looked_at]
    return [
        f"FALSE PASS on {node}: {result.check} says nothing of it: {result.message}"
        for node in nodes
        if node not in result.message
    ]


def _met(defect: Defect, run: SuiteRun, logs: Iterable[Path]) -> list[str]:
    """Whether a run met a defect that is aimed at no check; else its verdict proves nothing."""
    if defect.expects == "Inconclusive":
        told = [result.message for result in run.results if result.outcome == "inconclusive"]
        if any(re.search(defect.expected_message, message) for message in told):
            return []
        return [f"no check is inconclusive because of {defect.expected_message!r}: {told}"]
    evidence = (path for path in run.directory.rglob("*") if path.is_file())
    for path in (*evidence, *logs):
        if re.search(defect.expected_message, path.read_text(encoding="utf-8", errors="replace")):
            return []
    return [f"the run never met the defect: nothing has {defect.expected_message!r}"]
