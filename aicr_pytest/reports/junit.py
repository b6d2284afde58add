"""junit-report.xml: one test case per check, and *inconclusive* is an error, never a failure.

Never named junit.xml: the official validator would parse that.
"""

import re
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree

from aicr_pytest.evidence.names import check_folder
from aicr_pytest.evidence.printable import printable
from aicr_pytest.evidence.record import Observation, ObservationKind, Outcome
from aicr_pytest.reports.view import CheckView, RequirementView, RunView

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_MESSAGE = 500
"""Characters of the attribute; viewers put it on one line. The element's text has all of it."""

_ATTACHED_FIRST: tuple[ObservationKind, ...] = ("table", "svg", "csv", "text")

_TAGS: dict[Outcome, str] = {
    "passed": "",
    "failed": "failure",
    "absent": "failure",
    "inconclusive": "error",
    "unknown": "error",
    "error": "error",
    "skipped": "skipped",
    "not applicable": "skipped",
    "not run": "skipped",
}


def render(view: RunView) -> bytes:
    """The report as UTF-8 XML: a suite per requirement, valid for Jenkins' and GitLab's readers.

    Jenkins' schema (junit-10.xsd) knows properties of suites, none of test cases; and no count of
    skipped ones at the root.
    """
    root = ElementTree.Element("testsuites", {"name": "aicr-pytest"})
    for requirement in view.requirements:
        suite = _suite(root, view, f"aicr.{requirement.result.id}", requirement.checks)
        _properties(suite, {**_of_the_run(view), **_of_the_requirement(requirement)})
        for check in requirement.checks:
            _testcase(suite, view, requirement, check)
    if not view.requirements:
        _properties(_suite(root, view, "aicr-pytest", ()), _of_the_run(view))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, 0)) for suite in root)))
    root.set("time", f"{view.run.seconds:.3f}")
    left = [f"left behind on the cluster: {line}" for line in view.run.left_behind]
    if told := [*view.problems, *view.run.conflicts, *left]:
        ElementTree.SubElement(root[0], "system-err").text = _xml("\n".join(told))
    ElementTree.indent(root)
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _suite(
    root: ElementTree.Element, view: RunView, name: str, checks: Sequence[CheckView]
) -> ElementTree.Element:
    tags = Counter(_tag(check) for check in checks)
    counts = {
        "name": _xml(name),
        "tests": str(len(checks)),
        "failures": str(tags["failure"]),
        "errors": str(tags["error"]),
        "skipped": str(tags["skipped"]),
        "time": f"{sum(check.seconds for check in checks):.3f}",
        "timestamp": _xml(view.run.started_at),
    }
    return ElementTree.SubElement(root, "testsuite", counts)


def _of_the_run(view: RunView) -> dict[str, str]:
    run = view.run
    return {
        "run": run.run_id,
        "simulated": str(run.simulated).lower(),
        "interrupted": str(run.interrupted).lower(),
        "cluster": run.cluster.context,
        "kubernetes": run.cluster.version,
        "list": run.list_version,
        "evidence_complete": str(not view.problems).lower(),
    }


def _of_the_requirement(requirement: RequirementView) -> dict[str, str]:
    result = requirement.result
    return {
        "requirement": result.id,
        "level": result.level,
        "verdict": result.verdict,
        "reason": result.reason,
    }


def _testcase(
    suite: ElementTree.Element, view: RunView, requirement: RequirementView, check: CheckView
) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "classname": _xml(f"aicr.{requirement.result.id}"),
            "name": _xml(check.result.check),
            "time": f"{check.seconds:.3f}",
        },
    )
    if tag := _tag(check):
        message = _message(check)
        attributes = {"message": _xml(message.strip().split("\n")[0][:_LONGEST_MESSAGE])}
        if tag != "skipped":
            attributes["type"] = "left behind" if check.outcome == "passed" else check.outcome
        ElementTree.SubElement(case, tag, attributes).text = _xml(message)
    ElementTree.SubElement(case, "system-out").text = _xml(_told(view, requirement, check))


def _tag(check: CheckView) -> str:
    """The element that tells the outcome; empty for a passed check."""
    if check.outcome == "passed" and check.kept.left_behind:
        return "error"
    return _TAGS[check.outcome]


def _message(check: CheckView) -> str:
    if check.outcome == "not run":
        return f"not run\n{check.message}".strip()
    if check.outcome == "passed":
        return f"left behind: {check.kept.left_behind}"
    return check.message or check.outcome


def _told(view: RunView, requirement: RequirementView, check: CheckView) -> str:
    """What a viewer of JUnit shows below the test."""
    record = check.kept
    lines = [
        check.result.title,
        f"outcome: {check.outcome}",
        f"basis: {check.result.basis}",
        f"requirement: {requirement.result.id}, {requirement.result.level}",
    ]
    if check.record:
        lines.append(f"evidence: {check_folder(requirement.result.id, check.result.check)}")
    lines += [f"{name}: {value}" for name, value in record.facts.items()]
    if record.left_behind:
        lines.append(f"left behind: {record.left_behind}")
    # Cluster output must not attach a file of its own choice.
    lines = [line.replace("[[", "[ [") for line in lines]
    kept = sorted((one for one in record.observations if one.file), key=_telling)
    lines += [f"[[ATTACHMENT|{_from_workspace(view, one.file)}]]" for one in kept]
    return "\n".join(lines)


def _telling(observation: Observation) -> int:
    """The place of an attachment: GitLab shows the first one only."""
    return _ATTACHED_FIRST.index(observation.kind) if observation.kind in _ATTACHED_FIRST else 9


def _from_workspace(view: RunView, file: str) -> str:
    """A file as Jenkins and GitLab look for it: from the directory that the job runs in."""
    return f"{view.run.directory}/{file}" if view.run.directory not in ("", ".") else file


def _properties(parent: ElementTree.Element, values: dict[str, str]) -> None:
    holder = ElementTree.SubElement(parent, "properties")
    for name, value in values.items():
        ElementTree.SubElement(holder, "property", {"name": name, "value": _xml(value)})


def _xml(text: str) -> str:
    """Text that XML can hold; control characters come out as escapes."""
    return _NOT_XML.sub("\ufffd", printable(text))
