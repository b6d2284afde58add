"""Names of folders can be typed, and no two checks share one."""

import itertools
import re

import pytest

from aicr_pytest.evidence.names import folder_name

NAMES = [
    "test_x",
    "test_x[a]",
    "test_x[a-b]",
    "test_x[a/b]",
    "test_x[a b]",
    "test_x[a][b]",
    "test_x-a",
    "test_x-a-b",
    "test_x[]",
    "test_x[../../etc/passwd]",
    "test_x[\udcff]",
    "test_x[\u00e9]",
    "test_x[e]",
    "test_x[GPU-5c1f]",
    "..",
    ".",
    "",
    ".hidden",
    "assets",
    "/",
    "-rf",
    "test_" + "long" * 80,
    "test_" + "long" * 80 + "er",
    "test_x[" + "long" * 80 + "]",
    "名前",
    "a\nb",
]


@pytest.mark.parametrize("name", NAMES)
def test_folder_name_needs_no_quoting(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", folder_name(name))


def test_different_names_never_share_a_folder() -> None:
    for one, other in itertools.combinations(NAMES, 2):
        assert folder_name(one) != folder_name(other)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("dra_support", "dra_support"),
        ("test_pod_sees_its_device", "test_pod_sees_its_device"),
        ("test_x[dra]", "test_x-dra"),
        ("test_x[ai-inference]", "test_x-ai-inference"),
    ],
)
def test_ordinary_names_stay_readable(name: str, folder: str) -> None:
    assert folder_name(name) == folder
