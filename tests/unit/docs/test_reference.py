"""Reference pages are made of the code, and what troubleshooting quotes is said by the code."""

import ast
import re
from functools import cache
from typing import get_args

import pytest

from aicr_pytest.config.options import OPTIONS
from aicr_pytest.evidence.record import Outcome
from aicr_pytest.evidence.run import Verdict
from docs import reference
from tests.unit.docs.shown import ROOT

DOCS = ROOT / "docs"
QUOTED = re.findall(r"(?m)^\| `([^`]*)` \|", (DOCS / "troubleshooting.md").read_text("utf-8"))


@pytest.mark.parametrize(
    ("page", "made"),
    [
        ("options.md", reference.options_markdown),
        ("checks.md", reference.checks_markdown),
        ("verdicts.md", reference.verdicts_markdown),
    ],
)
def test_page_is_the_generated_one(page: str, made: object) -> None:
    assert callable(made)
    assert (DOCS / page).read_text(encoding="utf-8") == made()


def test_page_of_options_has_all_and_page_of_verdicts_too() -> None:
    options, verdicts = ((DOCS / f"{name}.md").read_text() for name in ("options", "verdicts"))

    assert [one.flag for one in OPTIONS if f"| `{one.flag}" not in options] == []
    for word in (*get_args(Verdict), *get_args(Outcome)):
        assert f" {word} |" in verdicts


def test_recipes_in_the_page_are_the_files() -> None:
    page = (DOCS / "ci.md").read_text(encoding="utf-8")

    assert page == reference.with_files(page)
    assert page.count("aicr-pytest run --evidence-dir") == 4


def test_troubleshooting_quotes_many_messages_each_once() -> None:
    assert len(QUOTED) > 40
    assert sorted(QUOTED) == sorted({*QUOTED})


@pytest.mark.parametrize("message", QUOTED)
def test_message_is_one_of_the_code(message: str) -> None:
    parts = [part for part in re.split("…", message) if part.strip(" .:,")]
    pattern = re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)

    assert parts, f"{message!r} quotes nothing"
    assert any(pattern.search(text) for text in texts()), message


@cache
def texts() -> list[str]:
    """Every text of the code, with `…` where it puts a value in."""
    found = []
    for path in (ROOT / "aicr_pytest").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
                found.append(text_of(node))
    return found


def text_of(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(text_of(value) for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text_of(left) + text_of(right)
    return "…"
