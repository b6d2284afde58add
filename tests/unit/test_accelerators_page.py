"""docs/accelerators.md has a row per platform of the lab, and says what was seen of each."""

import importlib.util
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

from tests.truth.personalities import BROKEN, PERSONALITIES, REQUIREMENTS

ROOT = Path(__file__).resolve().parents[2]
BEFORE = "# Before\n<!-- made by `make personalities` -->\nlast week\n<!-- end -->\nafter\n"


@pytest.fixture(scope="module")
def accelerators() -> ModuleType:
    spec = importlib.util.spec_from_file_location("accelerators", ROOT / "docs" / "accelerators.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trial(personality: str, broken: str = "", *, result: str = "") -> ElementTree.Element:
    """A trial in which each requirement was Implemented, with one check that did not apply."""
    case = ElementTree.Element("testcase", classname="tests.truth.test_personalities", name="x")
    properties = ElementTree.SubElement(case, "properties")
    told = [("personality", personality), ("broken", broken)]
    for name in REQUIREMENTS:
        checks = [
            {"check": "a", "outcome": "passed", "message": ""},
            {"check": "b", "outcome": "not applicable", "message": f"{name}: a | b"},
        ]
        told.append(("run", json.dumps({"verdicts": {name: "Implemented"}, "checks": checks})))
    for name, value in told:
        ElementTree.SubElement(properties, "property", name=name, value=value)
    if result:
        ElementTree.SubElement(case, result)
    return case


def made(accelerators: ModuleType, *cases: ElementTree.Element) -> str:
    suite = ElementTree.Element("testsuite")
    suite.extend(cases)
    text: str = accelerators.page(BEFORE, accelerators.read_trials([suite]))
    return text


def test_page_keeps_what_stands_around_the_tables(accelerators: ModuleType) -> None:
    page = made(accelerators)

    assert page.startswith("# Before\n<!-- made")
    assert page.endswith("<!-- end -->\nafter\n")
    assert "last week" not in page
    assert accelerators.page(page, {}) == page


def test_what_was_said_stands_beside_what_was_not_tried(accelerators: ModuleType) -> None:
    page = made(accelerators, trial("both"), trial("both", "injects-all"))

    assert "`--allocation both` | Implemented | Implemented |" in page
    assert "| both | `dra_support` | 1 not applicable | dra_support: a \\| b |" in page
    assert "| both | red | not tried |" in page
    assert page.count(" not tried |") == (len(PERSONALITIES) - 1) * (
        len(REQUIREMENTS) + len(BROKEN)
    ) + (len(BROKEN) - 1)


@pytest.mark.parametrize("result", ["failure", "error"])
def test_trial_that_went_otherwise_is_told(accelerators: ModuleType, result: str) -> None:
    page = made(
        accelerators, trial("both", result=result), trial("both", "injects-all", result=result)
    )

    assert "**both** (not as declared)" in page
    assert "| both | not as declared |" in page


def test_every_platform_is_one_line_of_options() -> None:
    lines = [one.up for one in PERSONALITIES]

    assert len({*lines}) == len(lines)
    assert lines[0] == ""
    assert "--allocation device-plugin --sharing mps=4" in lines
    # What nobody can see is something that is broken.
    assert all({*one.unseen} <= {broken.name for broken in BROKEN} for one in PERSONALITIES)
