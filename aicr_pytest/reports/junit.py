"""junit-report.xml: one test case per check, and *inconclusive* is an error, never a failure.

Never named junit.xml: the official validator would parse that.
"""

import re
from collections import Counter
from xml.etree import ElementTree

from aicr_pytest.evidence.names import check_folder
from aicr_pytest.evidence.printable import printable
from aicr_pytest.evidence.record import Outcome
from aicr_pytest.reports.view import CheckView, RequirementView, RunView

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_MESSAGE = 500
"""Characters of the attribute; viewers put it on one line. The element's text has all of it."""

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
    """The report as UTF-8 XML."""
    tags = Counter(_tag(check) for _, check in view.checks)
    totals = {
        "tests": str(len(view.checks)),
        "failures": str(tags["failure"]),
        "errors": str(tags["error"]),
        "skipped": str(tags["skipped"]),
        "time": f"{view.run.seconds:.3f}",
    }
    root = ElementTree.Element("testsuites", totals)
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": "aicr-pytest", **totals, "timestamp": view.run.started_at}
    )
    _properties(suite, _of_the_run(view))
    for requirement, check in view.checks:
        _testcase(suite, view, requirement, check)
    left = [f"left behind on the cluster: {line}" for line in view.run.left_behind]
    if told := [*view.problems, *left]:
        ElementTree.SubElement(suite, "system-err").text = _xml("\n".join(told))
    ElementTree.indent(root)
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


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


def _testcase(
    suite: ElementTree.Element, view: RunView, requirement: RequirementView, check: CheckView
) -> None:
    result = requirement.result
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "classname": _xml(f"aicr.{result.id}"),
            "name": _xml(check.result.check),
            "time": f"{check.seconds:.3f}",
        },
    )
    properties = {
        "requirement": result.id,
        "level": result.level,
        "verdict": result.verdict,
        "basis": check.result.basis,
        "outcome": check.outcome,
        "simulated": str(view.run.simulated).lower(),
        "evidence": check_folder(result.id, check.result.check) if check.record else "",
    }
    _properties(case, {k: v for k, v in properties.items() if v})
    if tag := _tag(check):
        message = _message(check)
        attributes = {"message": _xml(message.strip().split("\n")[0][:_LONGEST_MESSAGE])}
        if tag != "skipped":
            attributes["type"] = "left behind" if check.outcome == "passed" else check.outcome
        ElementTree.SubElement(case, tag, attributes).text = _xml(message)
    ElementTree.SubElement(case, "system-out").text = _xml(_told(check))


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


def _told(check: CheckView) -> str:
    """What a viewer of JUnit shows below the test."""
    record = check.kept
    lines = [check.result.title]
    lines += [f"{name}: {value}" for name, value in record.facts.items()]
    lines += [f"{observation.file}  ({observation.title})" for observation in record.observations]
    if record.left_behind:
        lines.append(f"left behind: {record.left_behind}")
    return "\n".join(lines)


def _properties(parent: ElementTree.Element, values: dict[str, str]) -> None:
    holder = ElementTree.SubElement(parent, "properties")
    for name, value in values.items():
        ElementTree.SubElement(holder, "property", {"name": name, "value": _xml(value)})


def _xml(text: str) -> str:
    """Text that XML can hold; control characters come out as escapes."""
    return _NOT_XML.sub("\ufffd", printable(text))
