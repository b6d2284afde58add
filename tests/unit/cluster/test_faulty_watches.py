"""Watches that are no good are begun anew, ever more seldom, and hold no more than is looked at."""

import itertools
import json
import pathlib
import threading
import time

import pytest

from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import NODE
from aicr_pytest.cluster.messages import RetryPolicy
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.watching import Following, Subject
from aicr_pytest.errors import (
    AccessDenied,
    ApiUnreachable,
    WaitTimeout,
)
from tests.unit.cluster.conftest import RUN
from tests.unit.cluster.faulty_api import (
    BUFFERS,
    DEEP,
    GZIP,
    KIB,
    PATIENCE,
    SMALL,
    Exchange,
    Fault,
    FaultyApi,
    closed,
    connected,
    flood,
    head,
    in_chunks,
    item,
    page,
    reset,
    said,
    well,
)

NODES = "/api/v1/nodes"


def event(kind: object = "ADDED", obj: object = None) -> bytes:
    return json.dumps({"type": kind, "object": obj if obj else item("a")}).encode() + b"\n"


def expired(x: Exchange) -> None:
    said({"kind": "Status", "code": 410, "reason": "Expired"}, status=410)(x)


WATCHES: dict[str, Fault] = {
    "closed at once": in_chunks(),
    "cut at once": closed(),
    "reset": reset,
    "garbage": closed(b"\x00garbage"),
    "HTML": well(b"<html>\nlog in\n</html>"),
    "410": expired,
    "ERROR 410": in_chunks(event("ERROR", {"code": 410, "reason": "Expired"})),
    "ERROR without a code": in_chunks(event("ERROR", {"code": "x", "message": []})),
    "one good event, then closed": in_chunks(event()),
    "an event that is a list": in_chunks(b"[]\n"),
    "an event that is null": in_chunks(b"null\n"),
    "an event without an object": in_chunks(b'{"type": "ADDED"}\n'),
    "an event whose object is a text": in_chunks(event("ADDED", "x")),
    "an event without metadata": in_chunks(event("ADDED", {"spec": {}})),
    "an event without a version": in_chunks(
        event("ADDED", {"metadata": {"name": "n", "uid": "u"}})
    ),
    "an event of an unknown type": in_chunks(event("FOO")),
    "an event whose type is a list": in_chunks(event(["ADDED"])),
    "a bookmark without metadata": in_chunks(event("BOOKMARK", {"spec": {}})),
    "half an event": in_chunks(event()[:20]),
    "an event 200 000 deep": in_chunks(DEEP[: 30 * KIB] + b"\n"),
    "a line without end": flood(
        head("Transfer-Encoding: chunked"), b"10000\r\n" + b"x" * 65536 + b"\r\n"
    ),
    "packed": well(GZIP, "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("fault", WATCHES.values(), ids=WATCHES.keys())
def test_watch_that_is_no_good_is_begun_anew_ever_more_seldom(
    tmp_path: pathlib.Path, fault: Fault
) -> None:
    growing = RetryPolicy(first=0.05, longest=60.0, limits=SMALL)
    with FaultyApi() as api:
        cluster = Cluster.connect(kubeconfig=api.kubeconfig(tmp_path), run_id=RUN, patience=growing)
        api.faults[NODES] = said(page())
        api.faults[f"{NODES}?watch"] = fault
        with Following(cluster, [Subject(kind=NODE)], growing) as following:
            end = time.monotonic() + 1.2
            while (left := end - time.monotonic()) > 0:
                following.changes(left)

        # After 0, 0.05, 0.15, 0.35, 0.75 and 1.55 s.
        assert 2 <= api.count(f"{NODES}?watch") <= 7
        assert api.count(NODES) <= 16
        assert api.sent < 7 * BUFFERS


def test_watch_that_is_refused_ends_the_wait(tmp_path: pathlib.Path) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[NODES] = said(page())
        api.faults[f"{NODES}?watch"] = said({}, status=401)

        with (
            pytest.raises(AccessDenied),
            Following(cluster, [Subject(kind=NODE)], PATIENCE) as following,
        ):
            following.changes(5.0)


def test_wait_on_a_watch_of_nonsense_ends_in_time_with_a_true_last_look(
    tmp_path: pathlib.Path,
) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[NODES] = said(page())
        api.faults[f"{NODES}?watch"] = WATCHES["an event without an object"]

        with pytest.raises(WaitTimeout, match="Node a does not exist"):
            Waiter(cluster).for_object("a", NODE, "a", until=lambda _: True, timeout=0.3)


def test_flood_of_events_waits_for_whoever_reads_it(tmp_path: pathlib.Path) -> None:
    event_of_one_object = event("MODIFIED")
    line = f"{len(event_of_one_object):x}\r\n".encode() + event_of_one_object + b"\r\n"
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[NODES] = said(page())
        api.faults[f"{NODES}?watch"] = flood(head("Transfer-Encoding: chunked"), line * 100)
        with Following(cluster, [Subject(kind=NODE)]) as following:
            for _ in range(3000):
                assert following.changes(5.0)
            sent = api.sent
            threading.Event().wait(0.2)  # nobody reads meanwhile
            while api.sent != sent:
                sent = api.sent
                threading.Event().wait(0.1)

            assert sent < BUFFERS
            assert len(following.views[0]) == 1


def test_watch_that_brings_ever_more_objects_ends(tmp_path: pathlib.Path) -> None:
    def pour(x: Exchange) -> None:
        x.send(head("Transfer-Encoding: chunked"))
        for number in itertools.count():
            data = event("ADDED", item(f"n{number}"))
            x.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[NODES] = said(page())
        api.faults[f"{NODES}?watch"] = pour

        with Following(cluster, [Subject(kind=NODE)], PATIENCE) as following:
            for _ in range(SMALL.objects):
                following.changes(5.0)

            with pytest.raises(ApiUnreachable, match="brings more than 500 objects"):
                following.changes(5.0)
