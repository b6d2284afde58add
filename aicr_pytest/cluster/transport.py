"""One request to the API server: timeouts, retries, errors of ours, and a line in the journal.

Everything goes through ``DynamicClient.request(serialize=False)``, which gives the raw answer and
is the same in all supported versions of the kubernetes client. Imported when a connection is made.
"""

import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import Any, Protocol, TypeVar

import tenacity
import urllib3.exceptions
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient

from aicr_pytest.cluster.identity import Identity
from aicr_pytest.cluster.messages import Patience, Request, Response, Tries
from aicr_pytest.cluster.observing import Observer
from aicr_pytest.cluster.refusals import Answer, error_for
from aicr_pytest.errors import AccessDenied, AicrError, ApiUnreachable, SettingsError

T = TypeVar("T")


class RawResponse(Protocol):
    """What is used of urllib3's response."""

    status: int
    headers: Mapping[str, str]

    @property
    def data(self) -> bytes:
        """The whole body; reading it gives the connection back."""

    def stream(self, amt: int | None, decode_content: bool) -> Iterator[bytes]:
        """The body in the pieces in which it comes."""

    def close(self) -> None:
        """Close the connection."""


class _Refused(Exception):
    """An answer that is no success, or none."""

    def __init__(self, error: AicrError, response: Response | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.response = response


class _Later(_Refused):
    """No answer, or one that says "later": worth another attempt."""

    def __init__(
        self, error: AicrError, response: Response | None = None, pause: float | None = None
    ) -> None:
        super().__init__(error, response)
        self.pause = pause


class Transport:
    """Requests over one shared pool of connections; used from several threads."""

    def __init__(
        self, api_client: ApiClient, identity: Identity, observer: Observer, patience: Patience
    ) -> None:
        self.api_client: Any = api_client
        self.identity = identity
        self.observer = observer
        self.patience = patience
        # No discovery: its cache lies in /tmp under the server's name and outlives the cluster.
        make: Any = DynamicClient
        self._dynamic: Any = make(api_client, discoverer=lambda *_: None)
        self._answers = True

    @property
    def configuration(self) -> Any:
        """The kubernetes client's configuration, for streams to make connections of their own."""
        return self.api_client.configuration

    def request(self, request: Request, tries: Tries | None = None) -> Response:
        """Ask, and ask again while there is no answer.

        Raises:
            AicrError: as ``refusals.error_for`` says, for every status but 2xx.
        """
        try:
            return self._patiently(lambda: self._whole(request), tries)
        except _Refused as refused:
            raise refused.error from refused

    def answered(self, request: Request) -> Response:
        """Ask, and give whatever status comes back from what stands behind the API server.

        Raises:
            AccessDenied: the API server refuses us.
            ApiUnreachable: no answer; 429 and 5xx count as none unless the path is a proxy's.
        """
        proxied = "/proxy" in request.path
        try:
            if proxied:
                return self._whole(request)
            return self._patiently(lambda: self._whole(request), None)
        except _Refused as refused:
            response = refused.response
            if response is None or (isinstance(refused, _Later) and not proxied):
                raise refused.error from refused
            if isinstance(refused.error, AccessDenied) and b'"Status"' in response.body:
                raise refused.error from refused
            return response

    def stream(self, request: Request) -> RawResponse:
        """Open an answer that comes in pieces; the caller closes it."""
        try:
            return self._patiently(lambda: self._ask(request), None)
        except _Refused as refused:
            raise refused.error from refused

    def insist(self, once: Callable[[], T]) -> T:
        """Call until it raises something else than ``ApiUnreachable``, with the same patience."""

        def attempt() -> T:
            try:
                return self.identity.shown(once)
            except ApiUnreachable as error:
                raise _Later(error) from error

        try:
            return self._patiently(attempt, None)
        except _Refused as refused:
            raise refused.error from refused

    def _whole(self, request: Request) -> Response:
        raw = self._ask(request)
        try:
            return Response(status=raw.status, body=raw.data, headers=_lower(raw.headers))
        except urllib3.exceptions.HTTPError as error:
            raise _no_answer(request, error) from error

    def _patiently(self, once: Callable[[], T], tries: Tries | None) -> T:
        started = time.monotonic()
        # A server that was found dead is asked once per request until it answers again; else each
        # of many checks would wait for it in turn.
        budget, attempts = (self.patience.seconds, 2) if self._answers else (0.0, 1)

        def pause(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            wanted = error.pause if isinstance(error, _Later) else None
            if wanted is None:
                own = self.patience.first * 2.0 ** (state.attempt_number - 1)
                wanted = min(own, self.patience.longest) * random.uniform(0.8, 1.2)
            return max(0.0, min(wanted, started + budget - time.monotonic()))

        def count(state: tenacity.RetryCallState) -> None:
            if tries:
                tries.count = state.attempt_number

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Later),
            # A read that timed out has used up the time by itself; it gets a second attempt.
            stop=tenacity.stop_after_delay(budget) & tenacity.stop_after_attempt(attempts),
            wait=pause,
            before=count,
            reraise=True,
        )
        try:
            result = retrying(once)
        except _Later:
            self._answers = False
            raise
        self._answers = True
        return result

    def _ask(self, request: Request) -> RawResponse:
        return self.identity.shown(lambda: self._ask_once(request))

    def _ask_once(self, request: Request) -> RawResponse:
        started = time.monotonic()
        status = 0
        try:
            raw: RawResponse = self._dynamic.request(
                request.method,
                request.path,
                body=request.body,
                query_params=list(request.query),
                header_params={"Accept": request.accept},
                content_type=request.content_type,
                serialize=False,
                _request_timeout=(
                    self.patience.connect,
                    request.timeout or self.patience.read,
                ),
            )
            status = raw.status
            return raw
        except ApiException as error:
            status = error.status or 0
            raise _refused(request, error) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _no_answer(request, error) from error
        except ValueError as error:  # pydantic.ValidationError is one
            why = f"{request}: the client can make nothing of it: {error}"
            raise _Refused(ApiUnreachable(why)) from error
        finally:
            self.observer.request(
                request.method, request.target, status, time.monotonic() - started
            )


def connect(
    configuration: Any, identity: Identity, observer: Observer, patience: Patience
) -> Transport:
    """A transport with a pool of its own."""
    # urllib3 would retry by itself: unseen by the journal, and as long as Retry-After wishes.
    configuration.retries = False
    configuration.connection_pool_maxsize = 16
    configuration.keep_alive = True  # known to newer clients; others ignore it
    api_client: Any = ApiClient(configuration)
    api_client.user_agent = f"aicr-pytest/{_own_version()}"
    identity.serve(configuration, api_client.rest_client.pool_manager)
    return Transport(api_client, identity, observer, patience)


def _own_version() -> str:
    try:
        return metadata.version("aicr-pytest")
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "0"


def _lower(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (headers or {}).items()}


def _refused(request: Request, error: ApiException) -> _Refused:
    if not error.status:  # so the client reports TLS errors
        why = " ".join(str(error.reason).split())
        return _Refused(_no_tls(request, why))
    body: Any = error.body or b""  # bytes up to version 36, text from 37 on
    body = body.encode() if isinstance(body, str) else body
    headers = _lower(error.headers)
    response = Response(status=error.status, body=body, headers=headers)
    ours = error_for(Answer.read(error.status, error.reason or "", body), str(request))
    if not isinstance(ours, ApiUnreachable):
        return _Refused(ours, response)
    after = headers.get("retry-after", "")
    return _Later(ours, response, float(after) if after.isdecimal() else None)


def _no_answer(request: Request, error: Exception) -> _Refused:
    if isinstance(error, urllib3.exceptions.SSLError | ssl.SSLError):
        return _Refused(_no_tls(request, str(error)))
    if isinstance(error, urllib3.exceptions.LocationValueError):
        return _Refused(SettingsError(f"{request}: not a server's address: {error}"))
    # Only the last part of urllib3's message says what happened; the rest is objects' addresses.
    text = str(error.args[-1]) if error.args else ""
    why = text.rpartition(": ")[2] or type(error).__name__
    return _Later(ApiUnreachable(f"{request}: the API server gives no answer: {why}"))


def _no_tls(request: Request, why: str) -> ApiUnreachable:
    return ApiUnreachable(
        f"{request}: no TLS connection: {why}",
        hint="The kubeconfig's certificate-authority must be the one that signed the server's.",
    )
