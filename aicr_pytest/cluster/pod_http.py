"""HTTP with a port of a pod, through the API server, as only the cluster reaches most of them."""

import email.utils
import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.cluster.bounds import AnswerTooLarge, BoundedResponse, EncodedAnswer, read
from aicr_pytest.cluster.kinds import POD
from aicr_pytest.cluster.messages import Limits
from aicr_pytest.cluster.refusals import Answer as Refusal
from aicr_pytest.errors import AccessDenied, ApiError, EndpointSilent, StreamNotPassed

if TYPE_CHECKING:
    from aicr_pytest.cluster.client import Cluster

_TIMEOUT = 10.0
"""Seconds for one whole answer; an exporter collects while it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Headers, names in lower case."""
    text: str
    """The body; bytes that are not UTF-8 are replaced."""
    source: str
    """How it was got, for evidence."""

    @property
    def content_type(self) -> str:
        """What the body claims to be; empty where nothing is claimed."""
        return self.headers.get("content-type", "")

    @property
    def said_at(self) -> float | None:
        """When the server says that it answered, by its own clock, Unix seconds."""
        date = email.utils.parsedate_tz(self.headers.get("date", ""))
        try:
            return None if date is None else email.utils.mktime_tz(date)
        except (ValueError, OverflowError):  # no day of any calendar
            return None


def ask_pod(
    cluster: "Cluster",
    pod: str,
    namespace: str,
    port: int,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = _TIMEOUT,
) -> Answer:
    """One request to a port of a pod, by a stream where one is passed.

    Raises:
        EndpointSilent: nobody answers there, or not in HTTP.
    """
    where = f"pod {namespace}/{pod}, port {port}"
    request = _Request(method=method, path=path, body=body, headers=headers or {}, seconds=timeout)
    try:
        try:
            return _forwarded(cluster, pod, namespace, port, request)
        except StreamNotPassed as error:
            return _proxied(cluster, pod, namespace, port, request, error)
    except AnswerTooLarge:
        raise EndpointSilent(f"{where}: {method} {path}: the answer has no end") from None
    except (OSError, http.client.HTTPException, EncodedAnswer) as error:
        why = str(error) or type(error).__name__
        raise EndpointSilent(f"{where}: {method} {path} gets no answer: {why}") from error
    except ApiError as error:
        raise EndpointSilent(f"{where} cannot be reached: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    path: str
    body: bytes | None
    headers: Mapping[str, str]
    seconds: float

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _forwarded(
    cluster: "Cluster", pod: str, namespace: str, port: int, request: _Request
) -> Answer:
    with cluster.port_forward(pod, namespace, port) as local:
        connection = http.client.HTTPConnection("127.0.0.1", local, timeout=request.seconds)
        connection.response_class = BoundedResponse
        try:
            connection.request(
                request.method, request.path, body=request.body, headers=dict(request.headers)
            )
            response = connection.getresponse()
            content, _ = read(response, Limits().answer)
            return Answer(
                status=response.status,
                headers={name.lower(): value for name, value in response.getheaders()},
                text=content.decode(errors="replace"),
                source=f"port-forward to pod {namespace}/{pod}, port {port}; {request}",
            )
        finally:
            connection.close()


def _proxied(
    cluster: "Cluster",
    pod: str,
    namespace: str,
    port: int,
    request: _Request,
    why: StreamNotPassed,
) -> Answer:
    """The same through the API server's own proxy, which wants no stream, but another right.

    Raises:
        StreamNotPassed: we may not use it.
    """
    path = f"{POD.path(namespace, f'{pod}:{port}', 'proxy')}{request.path}"
    try:
        answer = cluster.raw(
            request.method,
            path,
            body=request.body,
            content_type=request.headers.get("Content-Type", "application/json"),
            accept="*/*",
            timeout=request.seconds,
        )
    except AccessDenied as error:
        hint = f"{why.hint} Or let us use the API server's proxy: {error.hint}"
        raise StreamNotPassed(str(why).partition("\n")[0], hint=hint) from error
    if answer.status >= 400 and Refusal.read(answer.status, "", answer.body).is_status:
        raise ApiError(answer.status, "", answer.text[:300], request=f"{request.method} {path}")
    return Answer(
        status=answer.status,
        headers=answer.headers,
        text=answer.text,
        source=f"{request.method} {path}",
    )
