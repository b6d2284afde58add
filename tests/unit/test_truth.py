"""docs/truth.md says what the trials said, and counts false verdicts as what they are."""

import importlib.util
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BROKEN = "dra-class-matches-nothing"
HEALTHY = "limitrange-and-quota"
BLIND = "image-pull-fails"
CHECK = "test_two_claims_never_get_the_same_device"
LISTED = [{"id": "dra_support", "checks": [{"check": f"{CHECK}[a]", "basis": "text"}]}]


@pytest.fixture(scope="module")
def truth() -> ModuleType:
    spec = importlib.util.spec_from_file_location("truth", ROOT / "docs" / "truth.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made(truth: ModuleType, *cases: ElementTree.Element) -> str:
    """The page of these trials."""
    text: str = truth.page(suites(*cases), LISTED)
    return text


def suites(*cases: ElementTree.Element) -> ElementTree.Element:
    """A JUnit file of trials, which took 90 s."""
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(root, "testsuite", timestamp="2026-11-29T02:00:00", time="90.1")
    suite.extend(cases)
    return root


def trial(
    defect: str, verdict: str, outcome: str = "passed", message: str = "", result: str = ""
) -> ElementTree.Element:
    """A trial of a defect of dra_support, with one check."""
    name = f"test_defect_is_seen[{defect}]" if defect else "test_healed"
    case = ElementTree.Element("testcase", classname="tests.truth.test_dra_support", name=name)
    check = {"check": f"{CHECK}[a]"}
    run: dict[str, Any] = {
        "verdicts": {"dra_support": verdict},
        "checks": [check | {"outcome": outcome, "message": message}],
    }
    properties = ElementTree.SubElement(case, "properties")
    if defect:
        ElementTree.SubElement(properties, "property", name="defect", value=defect)
    ElementTree.SubElement(properties, "property", name="run", value=json.dumps(run))
    if result:
        ElementTree.SubElement(case, result)
    return case


def number(page: str, row: str) -> str:
    """What a row of the table of figures says."""
    (line,) = [line for line in page.splitlines() if line.startswith(f"| {row}")]
    return line.split("|")[2].strip()


def test_row_says_what_was_seen_with_which_words(truth: ModuleType) -> None:
    page = made(truth, trial(BROKEN, "Not Implemented", "failed", "a | b <i>\nsecond"))

    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{BROKEN}`")]
    assert row.endswith(
        f"| Not Implemented | Not Implemented | `{CHECK}[a]` | a \\| b &lt;i> second |"
    )
    assert "1 trials in 2 minutes, 1 as declared.\n" in page
    assert f"| `{CHECK}` | text | `{BROKEN}` |" in page
    assert number(page, "checks that decide") == "1 of 1"


def test_what_was_run_again_takes_the_place_of_what_was(truth: ModuleType) -> None:
    before = trial(BROKEN, "Implemented", result="failure")
    kind = ElementTree.Element(
        "testcase", classname="tests.truth.test_personalities", name="test_x[mps-healthy]"
    )
    run = suites(before, kind, ElementTree.Element("testcase", time="0.1"))
    since = suites(trial(BROKEN, "Not Implemented", "failed"), kind)
    page = truth.page(run, LISTED, [since])

    assert "1 trials in 2 minutes, beside 1 of kinds of platforms, 1 as declared.\n" in page
    name = f"test_dra_support.test_defect_is_seen[{BROKEN}]"
    assert f"something was mended: {name}.\n" in page
    assert number(page, "of them called Implemented") == "0"


@pytest.mark.parametrize(
    ("case", "row", "counted"),
    [
        (trial(BROKEN, "Implemented"), "of them called Implemented", "1"),
        (trial(BROKEN, "Inconclusive", "inconclusive"), "of them called Implemented", "0"),
        (trial(HEALTHY, "Not Implemented", "failed"), "of them with a failed check", "1"),
        (trial(BLIND, "Not Implemented", "failed"), "of them with a failed check", "1"),
        (trial(HEALTHY, "Implemented"), "of them with a failed check", "0"),
        (trial(BLIND, "Inconclusive", "inconclusive"), "of them with a failed check", "0"),
    ],
)
def test_false_verdicts_are_counted(
    truth: ModuleType, case: ElementTree.Element, row: str, counted: str
) -> None:
    assert number(made(truth, case), row) == counted


def test_trial_that_went_otherwise_is_named(truth: ModuleType) -> None:
    page = made(truth, trial(BROKEN, "Implemented", result="failure"))

    assert f"0 as declared; not so: test_dra_support.test_defect_is_seen[{BROKEN}]." in page
    assert "| Implemented (not as declared) |" in page


def test_what_did_not_run_is_no_trial(truth: ModuleType) -> None:
    page = made(truth, trial(BROKEN, "Implemented", result="skipped"))

    assert "0 trials in 2 minutes" in page
    assert BROKEN not in page


def test_trials_of_no_defect_are_counted_by_verdict(truth: ModuleType) -> None:
    unlike = trial("", "Inconclusive", result="error")
    unlike.set("name", "test_healed[other]")
    page = made(truth, trial("", "Implemented"), unlike)

    assert "| `test_dra_support.test_healed` | 2 | 1 Implemented; 1 Inconclusive (failed) |" in page
