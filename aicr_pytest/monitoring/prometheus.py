"""The Prometheus API, whatever the way to it."""

import contextlib
import shlex
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aicr_pytest.cluster.messages import read_json
from aicr_pytest.errors import AccessDenied, EndpointSilent, ProbeFailed
from aicr_pytest.monitoring.endpoints import Endpoint
from aicr_pytest.urls import bare_urls

if TYPE_CHECKING:
    from aicr_pytest.cluster.waiting import Waiter

_NO_TARGETS = (401, 403, 404, 405, 501)
"""What APIs that tell no targets answer when they are asked for them (Mimir and managed ones)."""
_PLAIN_HTTP = "HTTP request to an HTTPS server"
"""Part of what a server of TLS answers to plain HTTP, with status 400."""

Keep = Callable[[str, str, str, str], object]
"""Gets title, answer verbatim, the request that ran, and the same for a shell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series of an instant query's answer."""

    labels: Mapping[str, str]
    """Its labels, ``__name__`` included where the expression keeps it."""
    value: float
    """Its value."""
    at: float
    """When it was evaluated, Unix seconds by the clock of Prometheus."""

    def __str__(self) -> str:
        labels = dict(self.labels)
        name = labels.pop("__name__", "")
        told = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        return f"{name}{{{told}}} {self.value:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One scrape target."""

    labels: Mapping[str, str]
    """After relabelling."""
    discovered: Mapping[str, str]
    """Before relabelling, with what discovery knows, e.g. ``__meta_kubernetes_namespace``."""
    health: str
    """``up``, ``down`` or ``unknown``."""
    error: str
    """Of the last scrape, its URLs bare; empty where it worked."""
    url: str
    """What is scraped, without user and query."""
    pool: str = ""
    """Which part of its configuration the target comes from."""

    def __str__(self) -> str:
        return f"{self.url}: {self.health}" + (f" ({self.error})" if self.error else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an instant query gave: one look, at one moment, of one replica of Prometheus."""

    series: tuple[Series, ...]
    """Empty where nothing fits the expression."""
    text: str
    """The answer, verbatim."""
    request: str
    """What was asked."""
    by_hand: str = ""
    """The same for a shell, in which the expression can be read."""


class Prometheus:
    """Asks one Prometheus API.

    Raises (all methods):
        AccessDenied: it refuses us, or speaks another protocol to those that it knows.
        WaitTimeout: it gives no usable answer, though it was asked for a while.
    """

    def __init__(self, endpoint: Endpoint, waiter: "Waiter", keep: Keep) -> None:
        self._endpoint = endpoint
        self._waiter = waiter
        self._keep = keep

    def __str__(self) -> str:
        return f"Prometheus at {self._endpoint}"

    def query(self, expression: str, *, title: str = "") -> list[Series]:
        """An instant query's answer.

        Args:
            title: keep the answer as evidence under this title; empty keeps nothing.
        """
        reply = self.look(expression)
        if title:
            self.keep(title, reply)
        return list(reply.series)

    def look(self, expression: str) -> Reply:
        """An instant query's answer, to be kept by whoever asks."""
        path, query = "/api/v1/query", [("query", expression)]
        series, text = self._patiently(path, query)
        by_hand = (
            f'curl -G "$PROMETHEUS{path}" --data-urlencode {shlex.quote(f"query={expression}")}'
        )
        request = self._request(path, query)
        return Reply(series=tuple(series), text=text, request=request, by_hand=by_hand)

    def keep(self, title: str, reply: Reply) -> None:
        """Make an answer part of the evidence."""
        self._keep(title, reply.text, reply.request, reply.by_hand)

    def now(self) -> float:
        """The time by its own clock, Unix seconds."""
        series = self.query("time()")
        if not series:
            raise EndpointSilent(f"{self}: it does not tell the time.")
        return series[0].value

    def targets(self) -> list[Target] | None:
        """Its active scrape targets; None where the API does not tell them, as Mimir's."""
        path, query = "/api/v1/targets", [("state", "active")]
        return self._waiter.poll(
            f"{self}: an answer",
            lambda: self._targets(path, query),
            until=lambda _: True,
            timeout=self._waiter.deadlines.monitoring_answers,
            tolerate=(EndpointSilent,),
        )

    def _targets(self, path: str, query: Sequence[tuple[str, str]]) -> list[Target] | None:
        status, text = self._endpoint.ask(path, query)
        if status in _NO_TARGETS:
            return None
        what = f"{self}: {path}"
        with _understood(what, text):
            found = data_of(status, text, what).get("activeTargets") or ()
            return [_target(item) for item in found]

    def _patiently(self, path: str, query: Sequence[tuple[str, str]]) -> tuple[list[Series], str]:
        def look() -> tuple[list[Series], str]:
            status, text = self._endpoint.ask(path, query)
            what = f"{self}: {path}"
            with _understood(what, text):
                return _series(data_of(status, text, what, hint=self._endpoint.hint)), text

        return self._waiter.poll(
            f"{self}: an answer",
            look,
            until=lambda _: True,
            describe=lambda _: "it answers",
            timeout=self._waiter.deadlines.monitoring_answers,
            tolerate=(EndpointSilent,),
        )

    def _request(self, path: str, query: Sequence[tuple[str, str]]) -> str:
        return f"GET {self._endpoint}{path}?{urllib.parse.urlencode(query)}"


@contextlib.contextmanager
def _understood(what: str, text: str) -> Iterator[None]:
    """What is no answer of the Prometheus API though it says so is none that can be used."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise EndpointSilent(f"{what}: no answer that can be read: {text[:200]}") from error


def _series(data: Any) -> list[Series]:
    if data["resultType"] == "scalar":
        at, value = data["result"]
        return [Series(labels={}, value=float(value), at=float(at))]
    return [series for item in data["result"] for series in _series_of(item)]


def _series_of(item: Any) -> Iterator[Series]:
    """A sample; a native histogram as what it would be as a classic one: count, sum, last bucket.

    Prometheus keeps classic ones so, too, where it is told to (convert_classic_histograms_to_nhcb).
    """
    labels = _labels(item["metric"])
    if "histogram" not in item:
        yield Series(labels=labels, value=float(item["value"][1]), at=float(item["value"][0]))
        return
    at, told = item["histogram"]
    name = labels.get("__name__", "")
    classic: tuple[tuple[str, dict[str, str], str], ...] = (
        ("count", {}, told["count"]),
        ("sum", {}, told["sum"]),
        ("bucket", {"le": "+Inf"}, told["count"]),
    )
    for part, more, value in classic:
        named = {**labels, "__name__": f"{name}_{part}", **more}
        yield Series(labels=named, value=float(value), at=float(at))


def _target(item: Any) -> Target:
    return Target(
        labels=_labels(item.get("labels", {})),
        discovered=_labels(item.get("discoveredLabels", {})),
        health=str(item.get("health", "unknown")),
        error=bare_urls(str(item.get("lastError") or "")),
        url=bare_urls(str(item.get("scrapeUrl") or "")),
        pool=str(item.get("scrapePool") or ""),
    )


def _labels(said: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in said.items()}


def data_of(status: int, body: str, what: str, *, hint: str = "") -> Any:
    """The ``data`` of an answer.

    Args:
        hint: what the user can do where we are refused.

    Raises:
        AccessDenied: we are refused: credentials are wanted, or TLS, or a login elsewhere.
        ProbeFailed: our request is not understood.
        EndpointSilent: the answer is no success of a Prometheus API.
    """
    try:
        answer = read_json(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and answer.get("status") == "success" and "data" in answer:
        return answer["data"]
    said = answer if isinstance(answer, dict) else {}
    why = f"HTTP {status}: {said.get('error') or said.get('message') or body[:200]}"
    if status in (401, 403) or 300 <= status < 400 or (status == 400 and _PLAIN_HTTP in body):
        raise AccessDenied(f"{what}: we are not let in, {why}", hint=hint)
    if status == 400 and said.get("status") == "error":
        raise ProbeFailed(f"{what}: our query is refused, {why}")
    raise EndpointSilent(f"{what}: no success, {why}")
