"""The changes that ``docs/how-to`` shows apply to this tree, and do what the pages say.

A block of ``diff`` is applied, a block of ``sh`` is run; what needs a lab is indented instead. The
pages that one goes on from are applied before it.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "how-to").glob("*.md"))
AFTER = {"add-a-defect": ["add-a-check"]}
"""Pages whose change goes on from that of others."""
LONGEST = 60
"""Lines of a change that a newcomer still reads."""
FOLDERS = ("aicr_lab", "aicr_pytest", "deploy", "docs", "examples", "manifests", "tests")
TREE = (*FOLDERS, "README.md", "pyproject.toml", "requirements.lock")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", page.read_text())


def apply(page: Path, tree: Path) -> None:
    """Apply the page's changes; no line of their context may have moved on."""
    for change in blocks(page, "diff"):
        done = subprocess.run(
            ["git", "apply", "--whitespace=error-all", "-"],
            input=change,
            cwd=tree,
            text=True,
            capture_output=True,
            check=False,
            # A copy within a repository would be taken for a part of it, and skipped.
            env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)},
        )
        assert done.returncode == 0, f"{page.name} no longer fits the tree:\n{done.stderr}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the changes touch."""
    copy = tmp_path / "tree"
    copy.mkdir()
    for name in TREE:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.png")
            shutil.copytree(ROOT / name, copy / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, copy)
    return copy


def test_there_is_a_page_for_everything_that_is_added_often() -> None:
    assert [page.stem for page in PAGES] == [
        "add-a-check",
        "add-a-defect",
        "add-a-solution",
        "add-a-vendor",
        "add-an-addon",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_change_is_short(page: Path) -> None:
    assert [len(change.splitlines()) for change in blocks(page, "diff")] > []
    assert max(len(change.splitlines()) for change in blocks(page, "diff")) <= LONGEST


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_change_of_a_page_applies_and_does_what_it_says(page: Path, tree: Path) -> None:
    for name in AFTER.get(page.stem, []):
        apply(page.with_stem(name), tree)
    apply(page, tree)

    commands = [shlex.split(line) for block in blocks(page, "sh") for line in block.splitlines()]
    assert commands
    for program, *arguments in commands:
        assert program == "python"
        said = subprocess.run(
            [sys.executable, *arguments],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, f"{shlex.join(arguments)}\n{said.stdout}{said.stderr}"
