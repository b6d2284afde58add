"""What upstream's own suite leaves, read as the programme's validator reads it since 1.37.

Three names are read, whoever wrote the files: ``junit.xml``, ``results.json`` (`go test -json`) and
``e2e.log`` (`go test -v`).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from xml.etree.ElementTree import Element, ParseError, fromstring

TestOutcome = Literal["passed", "failed", "skipped"]

TESTS = {
    "secure_accelerator_access": "TestSecureAcceleratorAccess",
    "gang_scheduling": "TestGangScheduling",
    "cluster_autoscaling": "TestAcceleratorClusterAutoscaling",
}
"""Requirement id → the test of upstream's suite that the programme's validator looks for."""

ALL_TESTS = {
    **TESTS,
    "robust_controller": "TestRobustCRDControllerOperation",
    "accelerator_metrics": "TestAcceleratorPerformanceMetrics",
    "ai_service_metrics": "TestAIServiceMetrics",
    "driver_runtime_management": "TestAcceleratorDriverRuntimeManagement",
    "workload_sandboxing": "TestWorkloadSandboxing",
}
"""Requirement id → its test in upstream's suite as of September 2026; the suite has others, of its
own helpers, which stand for no requirement."""

_RESULT = re.compile(r"\s*--- (PASS|FAIL|SKIP): (\S+)")
_WORDS: dict[str, TestOutcome] = {"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}
_MOST_BYTES = 64 * 1024 * 1024
"""Of one file; a log of upstream's suite has less than one MiB."""


@dataclass(slots=True)
class Results:
    """What an artifact says of its tests."""

    outcomes: dict[str, TestOutcome] = field(default_factory=dict)
    """By name; subtests are ``Name/sub``."""
    packages: list[str] = field(default_factory=list)
    """Packages that failed as such, where no test of them did."""

    def note(self, name: str, outcome: TestOutcome) -> None:
        """Take the outcome of a test; one that failed once stays so."""
        if self.outcomes.get(name) != "failed":
            self.outcomes[name] = outcome

    @property
    def failures(self) -> list[str]:
        """Names of what failed."""
        tests = sorted(name for name, outcome in self.outcomes.items() if outcome == "failed")
        return tests or [f"package {name}" for name in self.packages]

    def of(self, name: str) -> TestOutcome | None:
        """The outcome of a test, else that of its subtests together; None where there is none."""
        if name in self.outcomes:
            return self.outcomes[name]
        below = [o for test, o in self.outcomes.items() if test.startswith(f"{name}/")]
        if not below:
            return None
        if "failed" in below:
            return "failed"
        return "skipped" if set(below) == {"skipped"} else "passed"


def read_artifact(path: Path) -> Results:
    """The results in a file of one of the three names.

    Raises:
        ValueError: it holds none, or is something else.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES // 1024**2} MiB")
    text = path.read_text(encoding="utf-8", errors="replace")
    results = Results()
    for name, outcome in READERS[path.name.lower()](text):
        if name.startswith("package "):
            results.packages.append(name.removeprefix("package "))
        else:
            results.note(name, outcome)
    if not results.outcomes and not results.packages:
        raise ValueError("no result of a test is in it")
    return results


def _junit(text: str) -> Iterator[tuple[str, TestOutcome]]:
    if "<!DOCTYPE" in text:
        raise ValueError("it declares a document type, which results of tests do not need")
    try:
        root = fromstring(text)
    except (ParseError, ValueError) as error:
        raise ValueError(f"it is no XML: {error}") from None
    yield from _cases(root)


def _cases(suite: Element) -> Iterator[tuple[str, TestOutcome]]:
    for case in suite.findall("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None
        skipped = "skipped" if case.find("skipped") is not None else "passed"
        yield case.get("name", ""), "failed" if bad else skipped  # type: ignore[misc]
    for inner in suite.findall("testsuite"):
        yield from _cases(inner)


def _go_json(text: str) -> Iterator[tuple[str, TestOutcome]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
            action, test = event.get("Action"), event.get("Test") or ""
        except (ValueError, AttributeError):
            raise ValueError(f"line {number} is no event of `go test -json`") from None
        outcome = _WORDS.get(str(action).upper())
        if outcome and test:
            yield test, outcome
        elif outcome == "failed":
            yield f"package {event.get('Package', '')}", outcome


def _go_log(text: str) -> Iterator[tuple[str, TestOutcome]]:
    for line in text.splitlines():
        if found := _RESULT.match(line):
            yield found[2], _WORDS[found[1]]


READERS = {"junit.xml": _junit, "results.json": _go_json, "e2e.log": _go_log}
"""Name of a file → how it is read; of these names, the programme takes a file of any content."""
