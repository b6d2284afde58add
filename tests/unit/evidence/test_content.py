"""Long text is cut before it is redacted, and a credential on the edge is seen whole."""

from aicr_pytest.evidence.content import MARGIN, Content
from aicr_pytest.evidence.printable import printable
from aicr_pytest.evidence.redaction.redact import Redactor

MOST = 400_000


def test_only_what_is_kept_is_redacted() -> None:
    seen: list[int] = []

    def clean(text: str) -> str:
        seen.append(len(text))
        return text

    content = Content.of("x" * 50_000_000, MOST, clean=clean)

    assert sum(seen) == MOST + 2 * MARGIN
    assert content.truncated
    assert content.whole_size == 50_000_000
    assert len(content.data) < MOST + 100


def test_credential_on_the_edge_of_the_cut_is_taken_out() -> None:
    tail = MOST // 4
    secret = "correcthorse" * 20
    for at in (MOST - tail, MOST - tail - 100, MOST - tail + MARGIN - 100):
        text = f"{'x' * at} password={secret} {'y' * 2_000_000}"
        assert b"correcthorse" not in Content.of(text, MOST, clean=Redactor().text).data
    for before in (tail, tail + MARGIN - 100):
        text = f"{'x' * 2_000_000} password={secret} {'y' * before}"
        assert b"correcthorse" not in Content.of(text, MOST, clean=Redactor().text).data


def test_short_text_is_kept_whole() -> None:
    content = Content.of("é", clean=str)

    assert (content.data, content.truncated, content.whole_size) == ("é".encode(), False, 2)


def test_bytes_that_are_not_text_are_cut_to_what_is_kept() -> None:
    content = Content.of("\0" * 3_000_000, MOST, clean=printable)

    assert len(content.data) < MOST + 100
    assert content.whole_size == 3_000_000
