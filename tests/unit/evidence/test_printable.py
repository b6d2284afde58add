"""Text of a container cannot rewrite the screen of who reads it."""

import pytest

from aicr_pytest.evidence.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\r\nand lines\n", "plain\ttext\r\nand lines\n"),
        ("umlaut ü, kanji 名, emoji 🙂", "umlaut ü, kanji 名, emoji 🙂"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("over\rwritten", "over\\x0dwritten"),
        ("nul\x00bell\x07", "nul\\x00bell\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202edcba", "abc\\u202edcba"),
        (b"\xff\xfe".decode("utf-8", "surrogateescape"), "\\xff\\xfe"),
        ("\ud83d", "\\ud83d"),
        ("line\u2028break", "line\\u2028break"),
        ("soft\xad, zero\u200b, filler\u3164", "soft\\xad, zero\\u200b, filler\\u3164"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("joined \U0001f469\u200d\U0001f4bb", "joined \U0001f469\u200d\U0001f4bb"),
    ],
)
def test_harmful_characters_are_shown_and_others_stay(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_every_character_comes_out_as_valid_utf8() -> None:
    everything = "".join(map(chr, range(0x110000)))

    printable(everything).encode("utf-8")
