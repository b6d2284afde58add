"""Whatever a server does: an error of ours, after few requests, with few bytes taken."""

import json
import pathlib
from collections.abc import Callable

import pytest

from aicr_pytest.cluster import life
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.contents import listed
from aicr_pytest.cluster.kinds import NODE
from aicr_pytest.cluster.messages import RetryPolicy
from aicr_pytest.errors import (
    AccessDenied,
    AicrError,
    ApiError,
    ApiUnreachable,
    SettingsError,
)
from tests.unit.cluster.conftest import RUN
from tests.unit.cluster.faulty_api import (
    BUFFERS,
    DEEP,
    DONE,
    GZIP,
    KIB,
    PATIENCE,
    Fault,
    FaultyApi,
    closed,
    connected,
    dripping,
    flood,
    head,
    in_turn,
    item,
    page,
    reset,
    said,
    sends,
    silent,
    silent_in_the_body,
    then,
    websocket,
    well,
)

NODES = "/api/v1/nodes"
EXEC = "/api/v1/namespaces/ns/pods/gpu/exec"


ANSWERS: dict[str, tuple[Fault, type[AicrError], int]] = {
    # name: what is answered, the error that it is, how many requests at most
    "HTML": (well(b"<html>log in first</html>"), ApiUnreachable, 1),
    "half JSON of the right length": (well(b'{"items": ['), ApiUnreachable, 1),
    "half JSON, then closed": (
        closed(head("Content-Length: 100") + b'{"items": ['),
        ApiUnreachable,
        8,
    ),
    "nothing, then closed": (closed(), ApiUnreachable, 8),
    "[]": (said([]), ApiUnreachable, 1),
    "null": (said(None), ApiUnreachable, 1),
    "a number": (said(5), ApiUnreachable, 1),
    "a text": (said("x"), ApiUnreachable, 1),
    "an empty body": (well(b""), ApiUnreachable, 1),
    "200 000 deep": (well(DEEP[: 60 * KIB]), ApiUnreachable, 1),
    "a number of 5000 digits": (well(b'{"items": ' + b"1" * 5000 + b"}"), ApiUnreachable, 1),
    "bytes of half a character": (well(b'{"items": "\xed\xa0\x80"}'), ApiUnreachable, 1),
    "bytes that are no text": (well(b"\xff\xfe\x00\xff" * 9), ApiUnreachable, 1),
    "silent before the headers": (silent, ApiUnreachable, 2),
    "silent in the body": (silent_in_the_body, ApiUnreachable, 2),
    "a dripping status line": (dripping(b"HTTP/1.1 200 OK" * 9), ApiUnreachable, 2),
    "a dripping header": (dripping(head()[:20] + b"\r\nX: " + b"x" * 900), ApiUnreachable, 2),
    "a dripping body": (
        then(sends(head("Content-Length: 900")), dripping(b" " * 900)),
        ApiUnreachable,
        2,
    ),
    "dripping chunks": (
        then(sends(head("Transfer-Encoding: chunked")), dripping(b"1\r\n \r\n" * 99)),
        ApiUnreachable,
        2,
    ),
    "100 Continue for ever": (flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), ApiUnreachable, 2),
    "garbage": (closed(b"\x00\x01garbage" * 99), ApiUnreachable, 8),
    "reset": (reset, ApiUnreachable, 8),
    "5000 headers": (
        closed(head(*(f"X-{i}: x" for i in range(5000)))),
        ApiUnreachable,
        8,
    ),
    "a header without end": (flood(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536), ApiUnreachable, 8),
    "a gzip bomb": (
        well(GZIP, "Content-Encoding: gzip"),
        ApiUnreachable,
        1,
    ),
    "a body in another encoding": (well(b"x", "Content-Encoding: br"), ApiUnreachable, 1),
    "a body without end": (flood(head(), b" " * 65536), ApiUnreachable, 1),
    "chunks without end": (
        flood(head("Transfer-Encoding: chunked"), b"10000\r\n" + b" " * 65536 + b"\r\n"),
        ApiUnreachable,
        1,
    ),
    "a chunk of 2**62 bytes": (
        flood(head("Transfer-Encoding: chunked") + b"4000000000000000\r\n", b" " * 65536),
        ApiUnreachable,
        1,
    ),
    "a length of 10**30": (
        flood(head(f"Content-Length: {10**30}"), b" " * 65536),
        ApiUnreachable,
        1,
    ),
    "a length that is none": (closed(head("Content-Length: x")), ApiUnreachable, 8),
    **{
        f"{status}, which no API server says": (
            well(b"", "Location: http://192.0.2.1/", status=status),
            ApiUnreachable,
            1,
        )
        for status in (101, 103, 301, 302, 303, 304, 307, 308)
    },
    **{
        f"{status} of somebody before the API server": (
            well(b"<html>", status=status),
            ApiUnreachable,
            8,
        )
        for status in (402, 408, 418, 421, 425, 431, 451, 499)
    },
    "401": (said({}, status=401), AccessDenied, 1),
    "403 without end": (flood(head(status=403), b"x" * 65536), AccessDenied, 1),
    "500 without end": (flood(head(status=500), b"x" * 65536), ApiUnreachable, 8),
    "503 for ever": (said({}, status=503), ApiUnreachable, 8),
    "503 of another shape": (
        said({"kind": "Status", "message": []}, status=503),
        ApiUnreachable,
        8,
    ),
    "503 that is 200 000 deep": (well(DEEP, status=503), ApiUnreachable, 8),
    **{
        f"429, Retry-After: {after[:20]}": (
            said({}, f"Retry-After: {after}", status=429),
            ApiUnreachable,
            8,
        )
        for after in (
            "",
            "0",
            "-1",
            "0.0",
            "3600",
            "9" * 400,
            "x",
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Fri, 99 Foo 99999 99:99:99 GMT",
        )
    },
}
ODD_METADATA: list[dict[str, object]] = [
    {"creationTimestamp": 5},
    {"generateName": []},
    {"finalizers": 5},
    {"finalizers": {"a": 1}},
    {"finalizers": [None]},
    {"ownerReferences": [{"uid": []}]},
    {"ownerReferences": [{"apiVersion": 5, "kind": {}}]},
]
LISTS: dict[str, tuple[Fault, type[AicrError], int]] = {
    **ANSWERS,
    "{}": (said({}), ApiUnreachable, 1),
    "an object that is no list": (said(item("n")), ApiUnreachable, 1),
    "items that are no list": (said({"metadata": {}, "items": {"a": 1}}), ApiUnreachable, 1),
    "items that are a text": (said({"items": "abc"}), ApiUnreachable, 1),
    "an item that is no object": (said(page(item("a"), 7)), ApiUnreachable, 1),
    "an item that is null": (said(page(None)), ApiUnreachable, 1),
    "an item without metadata": (said(page({"spec": {}})), ApiUnreachable, 1),
    "an item without a name": (said(page({"metadata": {"uid": "u"}})), ApiUnreachable, 1),
    "an item whose name is a number": (
        said(page({"metadata": {"name": 1, "uid": "u"}})),
        ApiUnreachable,
        1,
    ),
    "an item without a uid": (said(page({"metadata": {"name": "n"}})), ApiUnreachable, 1),
    "labels that are a list": (
        said(page({"metadata": {"name": "n", "uid": "u", "labels": ["a"]}})),
        ApiUnreachable,
        1,
    ),
    "a label that is an object": (
        said(page({"metadata": {"name": "n", "uid": "u", "labels": {"a": {}}}})),
        ApiUnreachable,
        1,
    ),
    "a spec that is a text": (said(page(item("n", spec="x"))), ApiUnreachable, 1),
    "a status that is a list": (said(page(item("n", status=[1]))), ApiUnreachable, 1),
    "conditions that are texts": (
        said(page(item("n", status={"conditions": ["Ready"]}))),
        ApiUnreachable,
        1,
    ),
    "metadata of the list that is a list": (
        said({"metadata": [1], "items": []}),
        ApiUnreachable,
        1,
    ),
    "a continue that is a number": (said(page(more=5)), ApiUnreachable, 1),
    "a continue that is half a character": (
        well(b'{"metadata": {"continue": "\\ud800"}, "items": []}'),
        ApiUnreachable,
        2,
    ),
    **{
        f"metadata with {json.dumps(part)[:60]}": (
            said(page({"metadata": {"name": "n", "uid": "u", **part}})),
            ApiUnreachable,
            1,
        )
        for part in ODD_METADATA
    },
    "an item whose kind is a list": (said(page(item("n", kind=[]))), ApiUnreachable, 1),
    "an item whose apiVersion is a number": (
        said(page(item("n", apiVersion=1))),
        ApiUnreachable,
        1,
    ),
    "the same continue for ever": (said(page(item("n"), more="again")), ApiUnreachable, 2),
    "another continue for ever": (
        lambda x: said(page(item("n"), more=f"token-{x.number}"))(x),
        ApiUnreachable,
        20,
    ),
    "empty pages for ever": (
        lambda x: said(page(more=f"token-{x.number}"))(x),
        ApiUnreachable,
        20,
    ),
    "continues that take turns": (
        lambda x: said(page(item("n"), more="ab"[x.number % 2]))(x),
        ApiUnreachable,
        3,
    ),
    "pages with too much in all": (
        lambda x: said(page(item("n", data="x" * 60_000), more=f"token-{x.number}"))(x),
        ApiUnreachable,
        5,
    ),
    "pages with too many objects": (
        lambda x: said(page(*[item("n")] * 400, more=f"token-{x.number}"))(x),
        ApiUnreachable,
        2,
    ),
    "pages that drip": (
        then(lambda x: x.pause(0.2), lambda x: said(page(more=f"token-{x.number}"))(x)),
        ApiUnreachable,
        8,
    ),
    "410 for ever": (said({"kind": "Status", "code": 410}, status=410), ApiError, 2),
}


@pytest.mark.parametrize(("fault", "error", "requests"), LISTS.values(), ids=LISTS.keys())
def test_list_ends_in_an_error_of_ours(
    tmp_path: pathlib.Path, fault: Fault, error: type[AicrError], requests: int
) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[NODES] = fault

        with pytest.raises(error) as caught:
            cluster.list(NODE)

        assert f"GET {NODES}" in str(caught.value)
        assert len(str(caught.value)) < 1500
        assert 1 <= api.count(NODES) <= requests
        assert api.sent < requests * BUFFERS


@pytest.mark.parametrize(("fault", "error", "requests"), ANSWERS.values(), ids=ANSWERS.keys())
def test_first_answer_ends_in_an_error_of_ours(
    tmp_path: pathlib.Path, fault: Fault, error: type[AicrError], requests: int
) -> None:
    with FaultyApi() as api:
        api.faults["/version"] = fault

        with pytest.raises(error) as caught:
            connected(api, tmp_path)

        assert "GET /version" in str(caught.value)
        if isinstance(caught.value, ApiUnreachable):
            assert f"Asked: {api.url}, context " in str(caught.value)
            assert "--aicr-context" in str(caught.value)
        assert 1 <= api.count("/version") <= requests


@pytest.mark.parametrize(
    "body",
    [{}, {"gitVersion": None}, {"gitVersion": ["v1"]}, {"a": 1}, {"gitVersion": "weird"}],
)
def test_version_that_is_none_is_an_error_of_ours(tmp_path: pathlib.Path, body: object) -> None:
    with FaultyApi() as api:
        api.faults["/version"] = said(body)

        with pytest.raises(ApiUnreachable, match="GET /version: no version in the answer"):
            connected(api, tmp_path)


def test_first_answer_is_awaited_as_long_as_any_other_in_short_attempts(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aicr_pytest.cluster.client._FIRST_ANSWER", 0.2)
    with FaultyApi() as api:
        api.faults["/version"] = silent
        patience = RetryPolicy(seconds=0.5, first=0.01)  # a read might last for half a minute

        with pytest.raises(ApiUnreachable, match="no whole answer in time"):
            Cluster.connect(kubeconfig=api.kubeconfig(tmp_path), run_id=RUN, patience=patience)

        assert 2 <= api.count("/version") <= 3


@pytest.mark.parametrize(
    "date",
    [
        "x",
        "Mon, 01 Jan 2024 00:00:00 -0000",
        "0",
        "9" * 400,
        "",
        "Fri, 31 Dec 9999 23:59:59 -1200",
        "Mon, 01 Jan 0001 00:00:00 +1200",
    ],
)
def test_odd_date_of_the_server_is_no_date(tmp_path: pathlib.Path, date: str) -> None:
    with FaultyApi() as api:
        api.faults["/version"] = said({"gitVersion": "v1.37.2"}, f"Date: {date}")
        api.faults["/apis/coordination"] = said(page())
        cluster = connected(api, tmp_path)

        assert cluster.version() == "v1.37.2"
        assert life.signs(cluster) == {}


@pytest.mark.parametrize(
    ("body", "ask"),
    [
        ({"resources": {"a": 1}}, lambda c: c.serves("example.com", "v1")),
        ({"resources": [5]}, lambda c: c.serves("example.com", "v1")),
        ({"resources": [{"name": "x"}]}, lambda c: c.kind("example.com/v1", "X")),
        ({}, lambda c: c.serves("example.com", "v1")),
        ([], lambda c: c.can("get", NODE)),
        ({"status": []}, lambda c: c.can("get", NODE)),
        ({"status": None}, lambda c: c.can("get", NODE)),
        ({"metadata": 5}, lambda c: c.get(NODE, "n")),
        ({"metadata": {"name": "n"}}, lambda c: c.get(NODE, "n")),
        (
            {"metadata": {}},
            lambda c: c.create({"apiVersion": "v1", "kind": "Node", "metadata": {}}),
        ),
    ],
    ids=lambda value: json.dumps(value) if not callable(value) else "",
)
def test_answer_of_another_shape_names_the_request_and_what_came(
    tmp_path: pathlib.Path, body: object, ask: Callable[[Cluster], object]
) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults["/api"] = said(body)

        with pytest.raises(ApiUnreachable, match=r"(GET|POST) /api\S*: (the answer|no version)"):
            ask(cluster)


def test_half_characters_of_a_name_are_replaced_and_can_be_asked_for(
    tmp_path: pathlib.Path,
) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[NODES] = in_turn(said(page(item("a\ud800", data="\ud83d\ude00"))), said({}))

        (found,) = cluster.list(NODE)
        assert found["metadata"]["name"] == "a\ufffd"
        assert found["data"] == "\U0001f600"
        cluster.delete(NODE, found["metadata"]["name"])

    assert api.asked[-1].line.startswith(f"DELETE {NODES}/a%EF%BF%BD ")


SEARCHES: dict[str, Callable[[Cluster], object]] = {
    "find": lambda cluster: cluster.find(NODE, "n"),
    "delete": lambda cluster: cluster.delete(NODE, "n"),
    "serves": lambda cluster: cluster.serves("example.com", "v1"),
    "list": lambda cluster: listed(cluster, NODE),
}


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_404_is_no_absence_where_no_api_server_says_it(
    tmp_path: pathlib.Path, search: Callable[[Cluster], object]
) -> None:
    with FaultyApi() as api:
        cluster = connected(api, tmp_path)
        api.faults[""] = well(b"404 page not found", status=404)
        assert not search(cluster)

        api.faults["/version"] = api.faults[""]
        with pytest.raises(ApiUnreachable, match="not an API server answers, but something with"):
            search(cluster)


# -- credentials, proxies ------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["tok\nen-of-mine", "tok\x00en-of-mine", "tokén-of-mine\u20ac"])
def test_token_that_cannot_be_sent_is_not_quoted(tmp_path: pathlib.Path, token: str) -> None:
    with FaultyApi() as api:
        kubeconfig = api.kubeconfig(tmp_path, token=token)
        with pytest.raises(SettingsError) as caught:
            Cluster.connect(kubeconfig=kubeconfig, run_id=RUN, patience=PATIENCE)

        assert api.asked == []
    told: BaseException | None = caught.value
    while told is not None:
        assert "en-of-mine" not in f"{told} {told.args}"
        told = told.__cause__ or told.__context__


@pytest.mark.parametrize("status", [400, 401, 403, 409, 500])
def test_own_token_in_a_refusal_is_not_quoted(tmp_path: pathlib.Path, status: int) -> None:
    quoting: Fault = lambda x: said(  # noqa: E731
        {"kind": "Status", "message": f"bad header {x.headers['authorization']}"}, status=status
    )(x)
    with FaultyApi() as api:
        kubeconfig = api.kubeconfig(tmp_path, token="one-that-no-pattern-knows")
        cluster = Cluster.connect(kubeconfig=kubeconfig, run_id=RUN, patience=PATIENCE)
        api.faults["/api/v1"] = quoting

        for ask in (lambda: cluster.list(NODE), lambda: cluster.exec("gpu", "ns", ["true"])):
            with pytest.raises(AicrError, match="bad header") as caught:
                ask()
            assert "no-pattern" not in str(caught.value)


def test_server_on_the_loopback_is_asked_without_the_proxy(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyApi() as proxy, FaultyApi() as api:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        api.faults[EXEC] = websocket(DONE)

        assert connected(api, tmp_path).exec("gpu", "ns", ["true"]).exit_code == 0
        assert proxy.asked == []
