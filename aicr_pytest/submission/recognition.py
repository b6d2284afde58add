"""Whose suite a file of results comes from, told by its content: names are anybody's.

Facts of the files of four suites: upstream's (`go test -v`, `-json`, gotestsum), e2e.test of
Kubernetes (Ginkgo's JUnit and log, as Hydrophone and Sonobuoy keep them), and the reports of the
Gateway API and of its Inference Extension.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring

from aicr_pytest.errors import SettingsError
from aicr_pytest.submission.artifacts import ALL_TESTS, READERS, Results
from aicr_pytest.submission.yaml_files import read_yaml

MOST_BYTES = 64 * 1024 * 1024
"""Of one file; Kubernetes' JUnit, the largest, has 2.7 MB."""

_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_YAML = re.compile(r"(?:\s*(?:#.*|---.*)?\n)*[A-Za-z]\w*:(?:\s|$)")
"""How a mapping begins, and hardly any prose that holds an example of one."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_VERSION = re.compile(r"kube-apiserver version: v?(\d+\.\d+)[.\d]*")
_BEGUN = re.compile(r"^=== RUN\s+(\S+)", re.MULTILINE)
_LAST_WORD = re.compile(r"^(PASS|FAIL)\b|^ok\s", re.MULTILINE)
_GINKGO = re.compile(r"^Running Suite: (.+?)(?: - .*)?$", re.MULTILINE)
_RAN = re.compile(r"^Ran \d+ of \d+ Specs in ", re.MULTILINE)
_GINKGO_COUNTS = re.compile(r"(\d+) Passed \| (\d+) Failed \|.* (\d+) Skipped")
_KUBERNETES = "Kubernetes e2e suite"
"""How e2e.test calls itself; who builds a suite of their own on it takes another name."""
_GATEWAY_GROUP = "gateway.networking.k8s.io/"
_INFERENCE = "GatewayAPIInferenceExtensionVersion"
"""Field of the Inference Extension's reports; older ones lack it, and have one profile, Gateway."""
_HTTP = ("HTTP", "GATEWAY-HTTP")
"""Profiles of the Gateway API that are about what inference services need."""


class Suite(StrEnum):
    """Who has written a file."""

    UPSTREAM = "upstream's AI conformance suite"
    KUBERNETES = "Kubernetes' conformance suite"
    GATEWAY = "the Gateway API's conformance suite"
    INFERENCE = "the Inference Extension's conformance suite"


class NoResultsError(ValueError):
    """A file that is something else; says what."""


class UnfitError(ValueError):
    """The results of a known suite, which cannot be taken; says whose, and why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The results of one suite in one file."""

    suite: Suite
    """Who has written it."""
    file: str
    """Its name in a submission; only upstream's own have those that the programme parses."""
    content: bytes
    """As it is."""
    results: Results
    """Of each test; of a suite that only counts, one for all."""
    passed: int
    """How many tests passed, as the file counts them, subtests included."""
    failed: int
    """How many failed."""
    skipped: int
    """How many did not run: skipped, or not selected."""
    requirement: str = ""
    """Id of the one requirement that it stands for; empty for none, or where its tests say."""
    version: str = ""
    """Minor version of Kubernetes that it met; empty where it does not say."""
    of: str = ""
    """What was tested, where the file says."""

    @property
    def numbers(self) -> str:
        """``36 passed, 0 failed, 1 skipped``."""
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def recognise(path: Path) -> Report:
    """What a file holds.

    Raises:
        NoResultsError: it holds the results of no suite that is known here.
        UnfitError: it does, and is empty, broken off, or says nothing.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise NoResultsError(f"it has more than {MOST_BYTES // 1024**2} MiB")
        content = path.read_bytes()
    except OSError as error:
        raise UnfitError(f"cannot be read: {error.strerror or error}") from error
    if not content.strip():
        is_named_so = path.name.lower() in READERS or path.name.lower().startswith("junit")
        raise (UnfitError if is_named_so else NoResultsError)("is empty")
    if content.startswith(_BYTE_ORDER_MARKS):
        raise NoResultsError("it is UTF-16, which nobody parses; write it again as UTF-8")
    text = content.decode("utf-8-sig", "replace")
    first = text.lstrip()[:1]
    if first == "<":
        return _junit(text, content)
    if first == "{":
        return _events(text, content)
    if "ConformanceReport" in text and _YAML.match(text):
        return _gateway(path, content)
    return _log(_COLOUR.sub("", text), content)


def _junit(text: str, content: bytes) -> Report:
    if "<testsuite" not in text:
        raise NoResultsError("it is no JUnit")
    if "<!DOCTYPE" in text:
        raise UnfitError("declares a document type, which results of tests do not need")
    try:
        root = fromstring(text)
    except (ParseError, ValueError) as error:
        raise UnfitError(f"is broken off, or no XML: {error}") from None
    cases = list(root.iter("testcase"))
    suites = {suite.get("name", "") for suite in root.iter("testsuite")}
    told = root.get("tests", "")
    if told.isdecimal() and int(told) != len(cases):
        raise UnfitError(f"says that it has {told} tests, and holds {len(cases)}")
    try:
        results = _noted(READERS["junit.xml"](text))
    except RecursionError:
        raise UnfitError("has suites in suites without end") from None
    if _has_upstreams(results):
        return _of_upstream("junit.xml", content, results)
    if _KUBERNETES not in suites:
        whose = ", ".join(sorted(name for name in suites if name)) or "a suite without a name"
        raise NoResultsError(f"it is the JUnit of {whose[:200]}")
    if any(_is_dry(one) for one in root.iter("property")):
        raise UnfitError(f"comes from {Suite.KUBERNETES} in a dry run, in which nothing is tested")
    ran = [name for name, outcome in results.outcomes.items() if outcome != "skipped"]
    if not any("[Conformance]" in name for name in ran):
        raise UnfitError(f"comes from {Suite.KUBERNETES}, and no [Conformance] test has run")
    return _counted(
        Suite.KUBERNETES, "kubernetes-junit_01.xml", content, results, version=_version(text)
    )


def _is_dry(setting: Element) -> bool:
    return setting.get("name") == "DryRun" and setting.get("value") == "true"


def _events(text: str, content: bytes) -> Report:
    """`go test -json`: every test and package that begins has an end."""
    open_tests: dict[tuple[str, str], None] = {}
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            action, package = event["Action"], event.get("Package", "")
        except (ValueError, KeyError, TypeError, RecursionError):
            if number == 1:
                raise NoResultsError("it is JSON of another kind") from None
            raise UnfitError(f"is broken off, or not `go test -json`, in line {number}") from None
        key = (package, event.get("Test", ""))
        if action in ("start", "run", "output"):
            open_tests.setdefault(key)
        elif action in ("pass", "fail", "skip"):
            open_tests.pop(key, None)
    results = _noted(READERS["results.json"](text))
    if not _has_upstreams(results) and not _any_of_upstream(test for _, test in open_tests):
        raise NoResultsError("it holds results of `go test`, and none of upstream's suite")
    if open_tests:
        unended = next((test for _, test in open_tests if test), "the package")
        raise UnfitError(f"is broken off: {unended} has no end")
    return _of_upstream("results.json", content, results)


def _gateway(path: Path, content: bytes) -> Report:
    try:
        report = read_yaml(path)
    except SettingsError as error:
        raise UnfitError(f"is a ConformanceReport that cannot be read: {error}") from None
    group = str(report.get("apiVersion"))
    if report.get("kind") != "ConformanceReport" or not group.startswith(_GATEWAY_GROUP):
        raise NoResultsError(f"it is {report.get('kind')} of {group}")
    listed = report.get("profiles")
    profiles = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    names = {str(one.get("name")) for one in profiles}
    suite = Suite.INFERENCE if report.get(_INFERENCE) or names == {"Gateway"} else Suite.GATEWAY
    parts = [part for one in profiles for part in (one.get("core"), one.get("extended")) if part]
    counts = {"Passed": 0, "Failed": 0, "Skipped": 0}
    results = Results()
    for part in parts:
        statistics = part.get("statistics") if isinstance(part, dict) else None
        if not isinstance(statistics, dict) or part.get("result") not in _GATEWAY_RESULTS:
            raise UnfitError(f"comes from {suite}, and a profile has no result or statistics")
        for name in counts:
            counts[name] += _number(statistics, name, suite)
        if part["result"] == "failure":
            results.note(suite, "failed")
    if not counts["Passed"] + counts["Failed"]:
        raise UnfitError(f"comes from {suite}, and no test has run")
    results.note(suite, "failed" if counts["Failed"] else "passed")
    about = "advanced_inference_ingress" if suite is Suite.INFERENCE else "ai_inference"
    return Report(
        suite=suite,
        file=_FILES[suite],
        content=content,
        results=results,
        passed=counts["Passed"],
        failed=counts["Failed"],
        skipped=counts["Skipped"],
        requirement=about if suite is Suite.INFERENCE or names & {*_HTTP} else "",
        of=_implementation(report),
    )


_MOST_OF = 120
"""Characters of what a report says was tested."""
_FILES = {
    Suite.GATEWAY: "gateway-api-report.yaml",
    Suite.INFERENCE: "inference-extension-report.yaml",
}
_GATEWAY_RESULTS = ("success", "partial", "failure")


def _number(statistics: Mapping[str, Any], name: str, suite: Suite) -> int:
    value = statistics.get(name, statistics.get(name.lower(), 0))
    if not isinstance(value, int) or value < 0:
        raise UnfitError(f"comes from {suite}, and {name} is no number")
    return value


def _implementation(report: Mapping[str, Any]) -> str:
    told = report.get("implementation")
    told = told if isinstance(told, dict) else {}
    named = f"{told.get('project') or ''} {told.get('version') or ''}".strip()
    version = report.get(_INFERENCE) or report.get("gatewayAPIVersion")
    words = f"{named}, API {version}" if named and version else named
    return " ".join(words.split())[:_MOST_OF]


def _log(text: str, content: bytes) -> Report:
    begun = _BEGUN.findall(text)
    results = _noted(READERS["e2e.log"](text))
    if _has_upstreams(results) or _any_of_upstream(begun):
        if unended := [name for name in begun if name not in results.outcomes]:
            raise UnfitError(f"is broken off: {unended[0]} has no result")
        if not _LAST_WORD.search(text[text.rfind("--- ") :]):
            raise UnfitError("is broken off: after the last test there is neither PASS nor FAIL")
        return _of_upstream("e2e.log", content, results)
    named = _GINKGO.search(text)
    if named is None:
        raise NoResultsError("it is no log of a suite that is known")
    if named[1].strip() != _KUBERNETES:
        raise NoResultsError(f"it is the log of {named[1].strip()[:200]}")
    counts = _GINKGO_COUNTS.findall(text)
    if not (counts and _RAN.search(text)):
        raise UnfitError(f"comes from {Suite.KUBERNETES}, and is broken off: no count at its end")
    passed, failed, skipped = map(int, counts[-1])
    if not passed + failed:
        raise UnfitError(f"comes from {Suite.KUBERNETES}, and no test has run")
    results.note(f"{failed} of its tests", "failed" if failed else "passed")
    return Report(
        suite=Suite.KUBERNETES,
        file="kubernetes-e2e.log",
        content=content,
        results=results,
        passed=passed,
        failed=failed,
        skipped=skipped,
        version=_version(text),
    )


def _of_upstream(file: str, content: bytes, results: Results) -> Report:
    return _counted(Suite.UPSTREAM, file, content, results)


def _counted(
    suite: Suite, file: str, content: bytes, results: Results, version: str = ""
) -> Report:
    outcomes = list(results.outcomes.values())
    return Report(
        suite=suite,
        file=file,
        content=content,
        results=results,
        passed=outcomes.count("passed"),
        failed=len(results.failures),
        skipped=outcomes.count("skipped"),
        version=version,
    )


def _noted(found: Iterator[tuple[str, Any]]) -> Results:
    results = Results()
    for name, outcome in found:
        if name.startswith("package "):
            results.packages.append(name.removeprefix("package "))
        else:
            results.note(name, outcome)
    return results


def _has_upstreams(results: Results) -> bool:
    return _any_of_upstream(results.outcomes)


def _any_of_upstream(names: Iterable[str]) -> bool:
    return any(name.partition("/")[0] in _UPSTREAM for name in names)


_UPSTREAM = frozenset(ALL_TESTS.values())


def _version(text: str) -> str:
    found = _VERSION.search(text)
    return found[1] if found else ""
