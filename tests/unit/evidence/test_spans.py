"""From when to when something was there."""

import datetime

from aicr_pytest.evidence.spans import Spans

BEGAN = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)


def at(seconds: float) -> datetime.datetime:
    return BEGAN + datetime.timedelta(seconds=seconds)


def test_first_beginning_and_first_end_count() -> None:
    spans = Spans(BEGAN)
    for seconds in (0.55, 3):
        spans.begin("node", at(seconds))
    for seconds in (41.6, 50):
        spans.end("node", at(seconds))

    assert spans.cells("node") == ("0.55", "41.60")
    assert spans.there == []


def test_what_never_began_cannot_end() -> None:
    spans = Spans(BEGAN)
    spans.end("node", at(1))
    spans.begin("pod", at(2))

    assert spans.names == ["pod"]
    assert spans.there == ["pod"]
    assert spans.cells("pod") == ("2.00", "")
    assert spans.cells("node") == ("", "")
