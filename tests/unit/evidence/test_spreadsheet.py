"""Cells of anybody's text: no formula, no column too many."""

import csv
import io

import pytest

from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.spreadsheet import csv_text
from aicr_pytest.evidence.store import EvidenceStore


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20x",
        "=cmd|' /C calc'!A0",
    ],
)
def test_text_becomes_no_formula(text: str) -> None:
    ((cell,),) = csv.reader(io.StringIO(csv_text([text], []), newline=""))

    assert cell == f"'{text}"


@pytest.mark.parametrize("text", ['a,b"c', "a;=1+1", "a\tb", "two\nlines", "two\rlines", '"', ""])
def test_text_is_one_cell(text: str) -> None:
    said = csv_text(["x", "y"], [[text, "end"]])

    assert list(csv.reader(io.StringIO(said, newline="")))[1] == [text, "end"]
    assert not text or f'"{text.replace(chr(34), chr(34) * 2)}"' in said


def test_numbers_are_numbers_and_nothing_is_empty() -> None:
    row = [1, -2.5, float("nan"), float("inf"), float("-inf"), None, 1e300]

    assert csv_text(["a"] * 7, [row]).splitlines()[1] == "1,-2.5,NaN,+Inf,-Inf,,1e+300"


def test_rows_of_a_check_are_redacted_cell_by_cell() -> None:
    store = EvidenceStore.open(None, "run-1", Redactor())
    written: list[bytes] = []
    evidence = store.begin("x", "test_x", title="X", proves="", basis="text")
    store.directory, store.write = "/", lambda _, data: written.append(data)  # type: ignore[assignment,method-assign]

    evidence.rows("t", ["who", "ms"], [["a,=b", 1.5], ["hf_" + "a1B2" * 9, 2]], source="x")

    assert b'who,ms\n"a,=b",1.5\n[redacted: token],2\n' in written
