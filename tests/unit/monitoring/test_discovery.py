"""The platform's Prometheus is the first that answers; one closed door does not end the search."""

import json
from collections.abc import Sequence

import pytest

from aicr_pytest.errors import AccessDenied, ApiUnreachable, EndpointSilent, UnknownSolution
from aicr_pytest.monitoring.discovery import _answering

NOBODY = (503, '{"kind": "Status", "message": "no endpoints available for service \\"p\\""}')
FINE = (
    200,
    json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}),
)
OTHER = (404, "404 page not found")
CLOSED = (401, "Unauthorized")


class FakeDoor:
    hint = "another way"

    def __init__(self, answer: "tuple[int, str] | Exception") -> None:
        self.answer = answer

    def ask(self, path: str, query: Sequence[tuple[str, str]]) -> tuple[int, str]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def __str__(self) -> str:
        return "the fake"


HANGS = ApiUnreachable("no answer within 20 s")


@pytest.mark.parametrize("closed", [NOBODY, OTHER, CLOSED, HANGS])
def test_door_that_leads_nowhere_does_not_end_the_search(
    closed: "tuple[int, str] | Exception",
) -> None:
    good = FakeDoor(FINE)

    assert _answering([FakeDoor(closed), good], []) is good


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([NOBODY], EndpointSilent),
        ([OTHER, NOBODY], EndpointSilent),
        ([NOBODY, CLOSED], AccessDenied),
        ([HANGS, NOBODY], ApiUnreachable),
        ([OTHER], EndpointSilent),
        ([], UnknownSolution),
    ],
)
def test_where_none_answers_one_that_refused_us_decides(
    answers: "list[tuple[int, str] | Exception]", error: type[Exception]
) -> None:
    with pytest.raises(error):
        _answering(map(FakeDoor, answers), [])


def test_other_products_under_a_usual_label_accuse_nobody() -> None:
    strange: list[str] = []

    with pytest.raises(EndpointSilent):
        _answering([FakeDoor(OTHER)], strange)

    assert strange == ["the fake: no success, HTTP 404: 404 page not found"]
    with pytest.raises(EndpointSilent):
        _answering([FakeDoor(OTHER), FakeDoor(NOBODY)], strange)
    assert strange == []
