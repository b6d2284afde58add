"""HTTP with a port of a pod, whatever listens there."""

import contextlib
import json
from collections.abc import Iterator

import pytest

from aicr_pytest.cluster.pod_http import Answer, ask_pod
from aicr_pytest.errors import EndpointSilent
from tests.unit.cluster.faulty_api import (
    BUFFERS,
    GZIP,
    Fault,
    FaultyApi,
    closed,
    dripping,
    flood,
    head,
    silent,
    silent_in_the_body,
    well,
)


class Forwarding:
    """A cluster whose pods are all one server of this process."""

    def __init__(self, api: FaultyApi) -> None:
        self._api = api

    @contextlib.contextmanager
    def port_forward(self, pod: str, namespace: str, port: int) -> Iterator[int]:
        yield self._api.port


def ask(api: FaultyApi) -> Answer:
    return ask_pod(Forwarding(api), "gpu", "ns", 9400, "/metrics", timeout=0.3)  # type: ignore[arg-type]


FAULTS: dict[str, Fault] = {
    "silence": silent,
    "silence in the body": silent_in_the_body,
    "a dripping header": dripping(head() + b"X" * 900),
    "a dripping body": dripping(head()[:-2] + b"\r\n" + b" " * 900),
    "a body without end": flood(head(), b" " * 65536),
    "a header without end": flood(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
    "a gzip bomb": well(GZIP, "Content-Encoding: gzip"),
    "garbage": closed(b"\x00garbage"),
    "nothing": closed(),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_endpoint_that_is_no_good_is_silent(fault: Fault) -> None:
    with FaultyApi(**{"/metrics": fault}) as api:
        with pytest.raises(EndpointSilent, match=r"pod ns/gpu, port 9400: GET /metrics"):
            ask(api)
        assert len(api.asked) == 1
        assert api.sent < 3 * BUFFERS


def test_endpoint_that_answers_is_read_whole() -> None:
    body = json.dumps({"data": "x" * 300_000}).encode()
    with FaultyApi(**{"/metrics": well(body, "Date: Fri, 31 Dec 99999 23:59:59 GMT")}) as api:
        answer = ask(api)

    assert answer.text == body.decode()
    assert answer.said_at is None
