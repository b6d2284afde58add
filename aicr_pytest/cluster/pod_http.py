"""HTTP with a port of a pod, through the API server, as only the cluster reaches most of them."""

import email.utils
import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.cluster.bounds import AnswerTooLarge, BoundedResponse, EncodedAnswer, read
from aicr_pytest.cluster.messages import Limits
from aicr_pytest.errors import ApiError, EndpointSilent

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
    """One request to a port of a pod.

    Raises:
        EndpointSilent: nobody answers there, or not in HTTP.
    """
    where = f"pod {namespace}/{pod}, port {port}"
    try:
        with cluster.port_forward(pod, namespace, port) as local:
            connection = http.client.HTTPConnection("127.0.0.1", local, timeout=timeout)
            connection.response_class = BoundedResponse
            try:
                connection.request(method, path, body=body, headers=dict(headers or {}))
                response = connection.getresponse()
                content, _ = read(response, Limits().answer)
                return Answer(
                    status=response.status,
                    headers={name.lower(): value for name, value in response.getheaders()},
                    text=content.decode(errors="replace"),
                )
            finally:
                connection.close()
    except AnswerTooLarge:
        raise EndpointSilent(f"{where}: {method} {path}: the answer has no end") from None
    except (OSError, http.client.HTTPException, EncodedAnswer) as error:
        why = str(error) or type(error).__name__
        raise EndpointSilent(f"{where}: {method} {path} gets no answer: {why}") from error
    except ApiError as error:
        raise EndpointSilent(f"{where} cannot be reached: {error}") from error


def source_of(pod: str, namespace: str, port: int, path: str) -> str:
    """How such an answer was got, for evidence."""
    return f"port-forward to pod {namespace}/{pod}, port {port}; GET {path}"
