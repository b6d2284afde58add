"""An observation's source is the request that really ran: nobody runs kubectl here."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[3] / "aicr_pytest"


def claims(tree: ast.AST) -> Iterator[ast.AST]:
    """What is given as ``source=``, or by anything that is named ``source``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "source":
            yield node.value
        elif isinstance(node, ast.FunctionDef) and node.name == "source":
            yield from node.body[1:]  # behind the docstring
        elif isinstance(node, ast.Assign) and "source" in map(ast.unparse, node.targets):
            yield node.value


def test_no_source_claims_kubectl() -> None:
    found = {
        (file.name, text)
        for file in PACKAGE.rglob("*.py")
        for claim in claims(ast.parse(file.read_text(encoding="utf-8")))
        if (text := ast.unparse(claim))
    }

    assert len(found) > 40
    assert [one for one in found if "kubectl" in one[1]] == []
