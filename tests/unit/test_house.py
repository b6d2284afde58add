"""One requirement id finds everything, and the pages about the tree say what is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from aicr_pytest.requirements.catalogue import NOT_AUTOMATED, REQUIREMENTS

ROOT = Path(__file__).resolve().parents[2]
AUTOMATED = [one.id for one in REQUIREMENTS if one.id not in NOT_AUTOMATED]


@pytest.mark.parametrize(
    "place",
    [
        "tests/conformance/test_{id}.py",
        "manifests/{id}",
        "aicr_pytest/requirements/{id}",
        "aicr_lab/defects/by_requirement/{id}.py",
        "tests/truth/test_{id}.py",
        "tests/unit/requirements/{id}",
    ],
)
def test_an_id_finds_every_place(place: str) -> None:
    assert AUTOMATED
    assert [one for one in AUTOMATED if not (ROOT / place.format(id=one)).exists()] == []


@pytest.mark.parametrize("package", ["aicr_pytest", "aicr_lab"])
def test_the_page_of_the_tree_names_every_folder(package: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    (table,) = re.findall(rf"\| folder of `{package}` \|.*?\n\n", page, re.DOTALL)
    folders = {file.parent.name for file in (ROOT / package).glob("*/__init__.py")}

    assert set(re.findall(r"(?m)^\| `(\w+)` \|", table)) == folders


def test_the_suite_of_a_checkout_is_collected_from_anywhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--aicr", "--collect-only", "-q"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stdout
    assert "test_pod_autoscaling.py::" in said.stdout
