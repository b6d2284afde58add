"""What leaves is cut, redacted and printable, and a secret at the cut is no remnant."""

from typing import Any

import pytest

from aicr_pytest.evidence.door import Door
from aicr_pytest.evidence.redaction.redact import Redactor

TOKEN = "hf_" + "a1B2c3D4" * 5


class Counting(Redactor):
    """Remembers how much it was asked to look at."""

    seen = 0

    def text(self, text: str) -> str:
        self.seen += len(text)
        return super().text(text)


@pytest.fixture
def door() -> Door:
    return Door(Redactor())


def test_text_keeps_its_lines_and_loses_secrets_and_escapes(door: Door) -> None:
    assert door.text(f"a\n{TOKEN}\x1b[2J") == "a\n[redacted: token]\\x1b[2J"


@pytest.mark.parametrize("before", [700, 730, 745, 749, 750, 760])
def test_secret_that_the_cut_goes_through_leaves_no_remnant(door: Door, before: int) -> None:
    for length in (2_000, 1_000_000):
        text = "x" * (before - 1) + " " + TOKEN + " " + "y" * length

        cut = door.text(text, most=1000)

        assert "a1B2" not in cut
        assert len(cut) < 1100
        assert f"left out the middle of {len(text)} characters" in cut


def test_secret_before_the_end_that_is_kept_leaves_no_remnant(door: Door) -> None:
    for after in range(200, 300):
        text = "x" * 100_000 + " " + TOKEN + " " + "y" * after

        assert "c3D4" not in door.text(text, most=1000)


def test_private_key_that_the_cut_goes_through_leaves_no_remnant(door: Door) -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEpAIB\n" * 400 + "-----END PRIVATE KEY-----\n"

    assert "MIIE" not in door.text("x" * 740 + "\n" + key + "y" * 100_000, most=1000)


def test_long_text_is_cut_before_it_is_looked_at() -> None:
    redactor = Counting()

    Door(redactor).text("x" * 50_000_000)

    assert redactor.seen < 200_000


def test_line_cannot_look_like_several(door: Door) -> None:
    said = door.line("  left\r\n  MUST  Implemented\rover\n")

    assert said == "  left MUST  Implemented\\x0dover"
    assert len(door.line("x" * 1_000_000, most=80)) == 80


def test_json_value_is_cleaned_whole(door: Door) -> None:
    value: Any = {TOKEN: [TOKEN, 1, None, {"a": f"x {TOKEN}"}]}

    assert TOKEN not in str(door.value(value))
    assert door.value(value)["[redacted: token]"][1:3] == [1, None]
