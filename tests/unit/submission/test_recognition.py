"""Whose results a file holds: by what is in it, and never half of them."""

import json
from pathlib import Path

import pytest

from aicr_pytest.submission import recognition
from aicr_pytest.submission.recognition import (
    NoResultsError,
    Report,
    Suite,
    UnfitError,
    recognise,
)
from tests.unit.submission import suites

NOT_THEIRS = "<testsuite name='pytest'><testcase name='test_it'/></testsuite>"
ALL_SKIPPED = dict.fromkeys(suites.KUBERNETES, "SKIP")


def _read(tmp_path: Path, text: str | bytes, name: str = "x.txt") -> Report:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return recognise(path)


@pytest.mark.parametrize(
    ("text", "suite", "file", "numbers", "requirement"),
    [
        (suites.junit(), Suite.UPSTREAM, "junit.xml", (4, 0, 0), ""),
        (suites.events(), Suite.UPSTREAM, "results.json", (4, 0, 0), ""),
        (suites.log(), Suite.UPSTREAM, "e2e.log", (4, 0, 0), ""),
        (
            suites.log(suites.GREEN | {suites.NODES: "SKIP"}),
            Suite.UPSTREAM,
            "e2e.log",
            (3, 0, 1),
            "",
        ),
        (suites.log({suites.GANG: "FAIL"}), Suite.UPSTREAM, "e2e.log", (0, 1, 0), ""),
        (suites.kubernetes_junit(), Suite.KUBERNETES, "kubernetes-junit_01.xml", (2, 0, 1), ""),
        (suites.kubernetes_log(), Suite.KUBERNETES, "kubernetes-e2e.log", (424, 0, 6713), ""),
        (suites.kubernetes_log(3), Suite.KUBERNETES, "kubernetes-e2e.log", (421, 3, 6713), ""),
        (suites.gateway(), Suite.GATEWAY, "gateway-api-report.yaml", (41, 0, 1), "ai_inference"),
        (
            suites.gateway(profile="MESH-HTTP"),
            Suite.GATEWAY,
            "gateway-api-report.yaml",
            (41, 0, 1),
            "",
        ),
        (
            suites.gateway(inference="v1.6.2"),
            Suite.INFERENCE,
            "inference-extension-report.yaml",
            (41, 0, 1),
            "advanced_inference_ingress",
        ),
        (
            suites.gateway(profile="Gateway"),
            Suite.INFERENCE,
            "inference-extension-report.yaml",
            (41, 0, 1),
            "advanced_inference_ingress",
        ),
    ],
)
def test_content_tells_the_suite_whatever_the_name(
    tmp_path: Path,
    text: str,
    suite: Suite,
    file: str,
    numbers: tuple[int, int, int],
    requirement: str,
) -> None:
    found = _read(tmp_path, text)

    assert (found.suite, found.file) == (suite, file)
    assert (found.passed, found.failed, found.skipped) == numbers
    assert found.requirement == requirement
    assert found.content == text.encode()


@pytest.mark.parametrize("ending", ["\r\n", "\n\n"])
def test_line_endings_of_other_tools_do_not_matter(tmp_path: Path, ending: str) -> None:
    assert _read(tmp_path, suites.log().replace("\n", ending)).numbers == (
        "4 passed, 0 failed, 0 skipped"
    )


def test_report_says_what_was_tested(tmp_path: Path) -> None:
    assert _read(tmp_path, suites.gateway()).of == "egret v2.1, API v1.6.1"
    assert _read(tmp_path, suites.gateway(inference="v1.6.2")).of == "egret v2.1, API v1.6.2"


def test_log_says_which_kubernetes_it_met(tmp_path: Path) -> None:
    assert _read(tmp_path, suites.kubernetes_log()).version == "1.37"
    assert _read(tmp_path, suites.kubernetes_junit()).version == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (suites.junit()[:-40], "is broken off, or no XML"),
        (suites.junit().replace('tests="4"', 'tests="9"'), "says that it has 9 tests, and holds 4"),
        ("<testsuite>" * 20_000 + "</testsuite>" * 20_000, "suites in suites without end"),
        (f"<!DOCTYPE x>{suites.junit()}", "declares a document type"),
        (suites.events()[:-200], "is broken off, or not `go test -json`, in line 8"),
        (suites.events().rpartition('{"Action": "pass"')[0], "is broken off: the package has no"),
        (
            "".join(suites.events().splitlines(keepends=True)[:2]),
            "is broken off: TestGangScheduling has no end",
        ),
        (suites.log().replace("--- PASS: TestGangScheduling (", "("), "TestGangScheduling has no"),
        (suites.log().removesuffix("PASS\n"), "after the last test there is neither PASS nor FAIL"),
        (f"=== RUN   {suites.GANG}\npanic: test timed out\n", "is broken off"),
        (suites.kubernetes_junit(DryRun="true"), "in a dry run, in which nothing is tested"),
        (suites.kubernetes_junit(ALL_SKIPPED), "no [Conformance] test has run"),
        (suites.kubernetes_log().partition("Ran ")[0], "is broken off: no count at its end"),
        (suites.kubernetes_log().replace("424 Passed", "0 Passed"), "no test has run"),
        (suites.gateway().replace("33", "0").replace("8, S", "0, S"), "no test has run"),
        (suites.gateway().replace("result: success", "result: fine"), "has no result or stat"),
        (suites.gateway().replace("Passed: 33", "Passed: many"), "Passed is no number"),
        (suites.gateway().replace("profiles:", "profiles: []\nothers:"), "no test has run"),
        (suites.gateway().replace("kind:", "kind: a\nkind:"), "cannot be read"),
    ],
)
def test_half_or_empty_results_are_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UnfitError) as error:
        _read(tmp_path, text)

    assert why in str(error.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (NOT_THEIRS, "it is the JUnit of pytest"),
        ("<html/>", "it is no JUnit"),
        ('{"kind": "Pod"}', "it is JSON of another kind"),
        (json.dumps({"Action": "pass", "Package": "x", "Test": "TestX"}), "none of upstream's"),
        ("[1, 2]", "no log of a suite that is known"),
        (suites.log({"TestMine": "PASS"}), "no log of a suite that is known"),
        (suites.junit(suites.KUBERNETES, "Extended suite"), "it is the JUnit of Extended suite"),
        (suites.kubernetes_log(suite="Extended suite"), "it is the log of Extended suite"),
        (
            suites.gateway().replace("gateway.networking", "policy.networking"),
            "ConformanceReport of",
        ),
        (b"\xff\xfe" + suites.log().encode("utf-16-le"), "UTF-16"),
        (f"# How\n\nWe ran it:\n\n```yaml\n{suites.gateway()}```\n", "no log of a suite that is"),
        (b"\x7fELF\0\0", "no log of a suite that is known"),
    ],
)
def test_what_others_have_written_is_named(tmp_path: Path, text: str | bytes, what: str) -> None:
    with pytest.raises(NoResultsError) as error:
        _read(tmp_path, text)

    assert what in str(error.value)


def test_empty_file_is_refused_under_a_name_of_results_alone(tmp_path: Path) -> None:
    with pytest.raises(UnfitError, match="is empty"):
        _read(tmp_path, "\n", "junit.xml")
    with pytest.raises(NoResultsError, match="is empty"):
        _read(tmp_path, "\n", "pod.log")


def test_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition, "MOST_BYTES", 10)

    with pytest.raises(NoResultsError, match="more than"):
        _read(tmp_path, suites.log())
