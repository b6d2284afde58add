"""The Prometheus API is asked patiently; an answer that is none is never an empty result."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from aicr_pytest.cluster.messages import Limits
from aicr_pytest.cluster.waiting import Deadlines, Waiter
from aicr_pytest.errors import (
    AccessDenied,
    ApiUnreachable,
    EndpointSilent,
    ProbeFailed,
    SettingsError,
    WaitTimeout,
)
from aicr_pytest.monitoring.endpoints import ServiceEndpoint, UrlEndpoint
from aicr_pytest.monitoring.prometheus import Prometheus, data_of
from tests.unit.cluster.conftest import Recorder
from tests.unit.cluster.faulty_api import (
    BUFFERS,
    GZIP,
    Fault,
    FaultyApi,
    closed,
    dripping,
    flood,
    head,
    said,
    silent,
    silent_in_the_body,
    well,
)

VECTOR = {
    "resultType": "vector",
    "result": [{"metric": {"__name__": "up", "job": "x"}, "value": [1700000000.5, "1"]}],
}
TARGETS = {
    "activeTargets": [
        {
            "labels": {"job": "x"},
            "discoveredLabels": {"__meta_kubernetes_namespace": "ns"},
            "health": "down",
            "lastError": "connection refused",
            "scrapeUrl": "http://10.0.0.1:9400/metrics",
        }
    ]
}


class ReplicaRecorder:
    """A cluster that is only told what is awaited."""

    observer = Recorder()

    def listing(self, subject: object) -> object:
        raise NotImplementedError

    def stream(self, *args: object, **kwargs: object) -> object:
        raise NotImplementedError


class FakeDoor:
    """Answers in turn; the last answer for ever."""

    hint = "another way"

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, list[tuple[str, str]]]] = []

    def ask(self, path: str, query: Sequence[tuple[str, str]]) -> tuple[int, str]:
        self.asked.append((path, list(query)))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def __str__(self) -> str:
        return "the fake"


def success(data: object) -> tuple[int, str]:
    return 200, json.dumps({"status": "success", "data": data})


def prometheus(endpoint: FakeDoor) -> tuple[Prometheus, list[tuple[str, str, str, str]]]:
    kept: list[tuple[str, str, str, str]] = []
    waiter = Waiter(ReplicaRecorder(), 0.01, deadlines=Deadlines())  # type: ignore[arg-type]
    return Prometheus(endpoint, waiter, lambda *told: kept.append(told)), kept


def test_series_of_an_instant_query() -> None:
    asked, _ = prometheus(FakeDoor(success(VECTOR)))

    (series,) = asked.query('up{job="x"}')

    assert (series.value, series.at) == (1.0, 1700000000.5)
    assert str(series) == 'up{job="x"} 1'


def test_native_histogram_is_read_as_the_classic_one_that_it_stands_for() -> None:
    told = {"count": "5", "sum": "2", "buckets": [[0, "0.1", "0.2", "5"]]}
    answer = {
        "resultType": "vector",
        "result": [
            {"metric": {"__name__": "q", "job": "j"}, "histogram": [1, told]},
            {"metric": {"__name__": "n"}, "value": [1, "3"]},
        ],
    }
    asked, _ = prometheus(FakeDoor(success(answer)))

    assert [(one.labels, one.value) for one in asked.query("q")] == [
        ({"__name__": "q_count", "job": "j"}, 5.0),
        ({"__name__": "q_sum", "job": "j"}, 2.0),
        ({"__name__": "q_bucket", "job": "j", "le": "+Inf"}, 5.0),
        ({"__name__": "n"}, 3.0),
    ]


def test_query_and_answer_are_kept_verbatim_where_a_title_asks_for_it() -> None:
    endpoint = FakeDoor(success(VECTOR))
    asked, kept = prometheus(endpoint)

    asked.query("up")
    asked.query("up", title="What is up")

    ((title, body, request, _),) = kept
    assert title == "What is up"
    assert body == endpoint.answers[0][1]
    assert request == "GET the fake/api/v1/query?query=up"


def test_an_expression_can_be_read_and_asked_again_by_hand() -> None:
    asked, kept = prometheus(FakeDoor(success(VECTOR)))

    asked.query('up{job="it\'s"}', title="What is up")

    ((_, _, request, by_hand),) = kept
    assert request.endswith("query=up%7Bjob%3D%22it%27s%22%7D")
    assert shlex.split(by_hand)[-1] == 'query=up{job="it\'s"}'
    assert by_hand.startswith('curl -G "$PROMETHEUS/api/v1/query" --data-urlencode ')


def test_time_is_that_of_prometheus() -> None:
    asked, _ = prometheus(FakeDoor(success({"resultType": "scalar", "result": [5.0, "4.5"]})))

    assert asked.now() == 4.5


def test_targets_tell_their_health() -> None:
    asked, _ = prometheus(FakeDoor(success(TARGETS)))

    targets = asked.targets()

    assert targets is not None
    (target,) = targets
    assert str(target) == "http://10.0.0.1:9400/metrics: down (connection refused)"
    assert target.discovered["__meta_kubernetes_namespace"] == "ns"


def test_targets_show_no_credentials_of_what_is_scraped() -> None:
    told = {
        "health": "down",
        "scrapePool": "pods/0",
        "scrapeUrl": "http://user:pl4nted@10.0.0.1:9400/metrics?api_key=pl4nted",
        "lastError": 'Get "http://user:pl4nted@10.0.0.1:9400/metrics?api_key=pl4nted": refused',
    }
    asked, _ = prometheus(FakeDoor(success({"activeTargets": [told]})))

    targets = asked.targets()

    assert targets is not None
    (target,) = targets
    url = "http://10.0.0.1:9400/metrics?…"
    assert str(target) == f'{url}: down (Get "{url}": refused)'
    assert target.pool == "pods/0"


def test_answer_that_fails_at_first_is_asked_for_again() -> None:
    endpoint = FakeDoor((503, "no endpoints"), success(VECTOR))
    kept: list[object] = []
    waiter = Waiter(ReplicaRecorder(), 0.1, deadlines=Deadlines())  # type: ignore[arg-type]

    assert Prometheus(endpoint, waiter, lambda *told: kept.append(told)).query("up")
    assert len(endpoint.asked) == 2


def test_prometheus_that_never_answers_is_no_empty_result() -> None:
    asked, _ = prometheus(
        FakeDoor((503, '{"kind": "Status", "message": "no endpoints available"}'))
    )

    with pytest.raises(WaitTimeout, match=r"HTTP 503: no endpoints available"):
        asked.query("up")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>login</html>"),
        (200, "[]"),
        (404, "404 page not found"),
        (200, json.dumps({"status": "success"})),
    ],
)
def test_what_is_no_answer_of_prometheus_is_refused(status: int, body: str) -> None:
    with pytest.raises(EndpointSilent, match=f"HTTP {status}"):
        data_of(status, body, "x")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (302, "<a href=/login>"),
        (400, "Client sent an HTTP request to an HTTPS server.\n"),
    ],
)
def test_who_does_not_let_us_in_is_not_accused(status: int, body: str) -> None:
    asked, _ = prometheus(FakeDoor((status, body)))

    with pytest.raises(AccessDenied, match=rf"not let in, HTTP {status}(.|\n)*another way"):
        asked.query("up")


def test_query_that_is_not_understood_accuses_nobody() -> None:
    asked, _ = prometheus(FakeDoor((400, json.dumps({"status": "error", "error": "parse error"}))))

    with pytest.raises(ProbeFailed, match="parse error"):
        asked.query("up{")


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_api_that_tells_no_targets_has_none_to_tell(status: int) -> None:
    asked, _ = prometheus(FakeDoor((status, "404 page not found")))

    assert asked.targets() is None


def test_url_where_nobody_answers_accuses_nobody() -> None:
    with pytest.raises(ApiUnreachable, match=r"--aicr-prometheus-url http://127\.0\.0\.1:9"):
        UrlEndpoint(url="http://127.0.0.1:9").ask("/api/v1/query", [])


def test_service_behind_a_prefix_is_asked_through_the_proxy() -> None:
    class Raw:
        path = ""

        def raw(self, method: str, path: str, **_: object) -> object:
            self.path = path

            class GangStatus:
                status = 200
                text = "{}"

            return GangStatus()

    cluster = Raw()
    endpoint = ServiceEndpoint(
        cluster=cluster,  # type: ignore[arg-type]
        namespace="monitoring",
        service="prometheus-operated",
        port="web",
        prefix="/prometheus",
    )
    endpoint.ask("/api/v1/query", [])

    assert cluster.path == (
        "/api/v1/namespaces/monitoring/services/http:prometheus-operated:web/proxy"
        "/prometheus/api/v1/query"
    )


def test_token_is_read_anew_for_each_request(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with FaultyApi(**{"/prom": said({})}) as api:
        endpoint = UrlEndpoint(url=f"{api.url}/prom", token_file=str(file))
        for token in ("old", "new"):
            file.write_text(f" {token}\n\n")
            endpoint.ask("/api/v1/query", [])

        assert [one.headers["authorization"] for one in api.asked] == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("content", [b"hun\nter", b"hun\x00ter", b"\xff\xfehun\x00ter"])
def test_token_that_is_none_is_not_quoted(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)

    with pytest.raises(SettingsError, match="--aicr-prometheus-token-file: ") as caught:
        UrlEndpoint(url="http://127.0.0.1:9", token_file=str(file)).ask("/api/v1/query", [])
    assert "hun" not in str(caught.value)


DOORS: dict[str, Fault] = {
    "silence": silent,
    "silence in the body": silent_in_the_body,
    "a dripping body": dripping(head() + b" " * 900),
    "a body without end": flood(head(), b" " * 65536),
    "a header without end": flood(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
    "a gzip bomb": well(GZIP, "Content-Encoding: gzip"),
    "garbage": closed(b"\x00garbage"),
    "nothing": closed(),
}


@pytest.mark.parametrize("fault", DOORS.values(), ids=DOORS.keys())
def test_url_that_does_not_answer_is_asked_once_and_accuses_nobody(
    monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("aicr_pytest.monitoring.endpoints._TIMEOUT", 0.3)
    with FaultyApi(**{"/api": fault}) as api:
        with pytest.raises(ApiUnreachable, match=f"--aicr-prometheus-url {api.url}"):
            UrlEndpoint(url=api.url).ask("/api/v1/query", [])

        assert len(api.asked) == 1
        assert api.sent < Limits().page + BUFFERS


def test_token_goes_to_no_other_host_by_a_redirection(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("token")
    with FaultyApi() as other, FaultyApi() as api:
        api.faults["/api"] = well(b"", f"Location: {other.url}/x", status=307)

        status, _ = UrlEndpoint(url=api.url, token_file=str(file)).ask("/api/v1/query", [])

        assert status == 307
        assert other.asked == []


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        None,
        "x",
        {"resultType": "vector"},
        {"resultType": "vector", "result": 5},
        {"resultType": "vector", "result": [5]},
        {"resultType": "vector", "result": [{"metric": [], "value": [1, "1"]}]},
        {"resultType": "vector", "result": [{"metric": {}, "value": []}]},
        {"resultType": "vector", "result": [{"metric": {}, "value": [1, "x"]}]},
        {"resultType": "scalar", "result": [1]},
    ],
    ids=str,
)
def test_answer_of_another_shape_is_none_that_can_be_used(data: object) -> None:
    asked, _ = prometheus(FakeDoor(success(data)))

    with pytest.raises(WaitTimeout, match=r"Last seen: .*(no answer that can be read|no success)"):
        asked.query("up")


@pytest.mark.parametrize("data", [[], {"activeTargets": 5}, {"activeTargets": ["x"]}], ids=str)
def test_targets_of_another_shape_are_none_that_can_be_used(data: object) -> None:
    asked, _ = prometheus(FakeDoor(success(data)))

    with pytest.raises(WaitTimeout, match="no answer that can be read"):
        asked.targets()


def test_clock_that_tells_nothing_is_no_answer() -> None:
    asked, _ = prometheus(FakeDoor(success({"resultType": "vector", "result": []})))

    with pytest.raises(EndpointSilent, match="does not tell the time"):
        asked.now()
