"""One request to the API server: timeouts, retries, errors of ours, and a line in the journal.

Configuration, credentials and the pool of connections are the kubernetes client's. Requests go to
the pool itself: the client's own ways read the whole body of a refusal, unpacked, whatever its size
and however long it takes. Imported when a connection is made.
"""

import dataclasses
import datetime
import email.utils
import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import Any, Protocol, TypeVar

import tenacity
import urllib3
import urllib3.exceptions
from kubernetes.client import ApiClient

from aicr_pytest.cluster import bounds, tls
from aicr_pytest.cluster.identity import Identity
from aicr_pytest.cluster.messages import (
    Backoff,
    Request,
    Response,
    RetryPolicy,
    Tries,
    is_header,
    unquoted,
)
from aicr_pytest.cluster.observer import Observer
from aicr_pytest.cluster.refusals import Answer, error_for
from aicr_pytest.errors import (
    AccessDenied,
    AggregatedApiDown,
    AicrError,
    ApiError,
    ApiUnreachable,
    SettingsError,
)

T = TypeVar("T")

_COMING_UP = 10.0
"""Seconds after an outage for which an API server may not know users and roles again."""
_TELL_AFTER = 2.0
"""Seconds of silence after which it is told that the API server is awaited."""
_REFUSAL = bounds.MIB
"""Bytes that are read of an answer that is no success; what it says is at its beginning."""


class RawResponse(Protocol):
    """What is used of urllib3's response."""

    status: int
    reason: str | None

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers; names in any case."""

    def read(self, amt: int | None = None) -> bytes:
        """So much of the body; reading its end gives the connection back."""

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

    @property
    def is_outage(self) -> bool:
        """Whether the API server is down: not where it is busy, or somebody behind it is down."""
        busy = self.response is not None and self.response.status == 429
        return isinstance(self, _Later) and not (busy or isinstance(self.error, AggregatedApiDown))


class _Later(_Refused):
    """No answer, or one that says "later": worth another attempt."""

    def __init__(
        self, error: AicrError, response: Response | None = None, pause: float = 0.0
    ) -> None:
        super().__init__(error, response)
        self.pause = pause


class Transport:
    """Requests over one shared pool of connections; used from several threads."""

    def __init__(
        self,
        api_client: ApiClient,
        context: ssl.SSLContext,
        identity: Identity,
        observer: Observer,
        patience: RetryPolicy,
    ) -> None:
        self.api_client: Any = api_client
        self.context = context
        """TLS towards the API server, for streams as well."""
        self.identity = identity
        self.observer = observer
        self.patience = patience
        self._pool: Any = self.api_client.rest_client.pool_manager
        self._dead: set[str] = set()
        """API groups that were found without an answer; "" for all of them."""
        self._silent_at = -_COMING_UP

    @property
    def configuration(self) -> Any:
        """The kubernetes client's configuration, for streams to make connections of their own."""
        return self.api_client.configuration

    def renew_context(self) -> None:
        """Have new connections show the certificate that the configuration names by now."""
        self.context = tls.make_context(self.configuration)
        self._pool.connection_pool_kw["ssl_context"] = self.context
        self._pool.clear()

    def request(self, request: Request, tries: Tries | None = None) -> Response:
        """Ask, and ask again while there is no answer.

        Raises:
            AicrError: as ``refusals.error_for`` says, for every status but 2xx.
        """
        try:
            return self._patiently(lambda left: self._whole(request, left), tries, request.group)
        except _Refused as refused:
            if _is_odd_404(refused.error):
                self._see_who_answers(request)
            raise refused.error from None

    def answered(self, request: Request) -> Response:
        """Ask, and give whatever status comes back from what stands behind the API server.

        Raises:
            AccessDenied: the API server refuses us.
            ApiUnreachable: no answer; 429 and 5xx count as none unless the path is a proxy's.
        """
        proxied = "/proxy" in request.path
        try:
            if proxied:
                return self._whole(request, None)
            return self._patiently(lambda left: self._whole(request, left), None, request.group)
        except _Refused as refused:
            response = refused.response
            if response is None or (isinstance(refused, _Later) and not proxied):
                raise refused.error from None
            if isinstance(refused.error, AccessDenied) and b'"Status"' in response.body:
                raise refused.error from None
            return response

    def stream(self, request: Request) -> RawResponse:
        """Open an answer that comes in pieces; the caller closes it."""
        try:
            return self._patiently(lambda left: self._ask(request, left), None, request.group)
        except _Refused as refused:
            raise refused.error from None

    def retry(self, once: Callable[[], T]) -> T:
        """Call until it raises something else than ``ApiUnreachable``, with the same patience."""
        try:
            return self._patiently(lambda _: self._as_ourselves(once), None)
        except _Refused as refused:
            raise refused.error from None

    def headers(self) -> dict[str, str]:
        """What every request says of us, credentials included.

        Raises:
            SettingsError: one cannot be sent.
        """
        # auth_settings() renews a token that has expired.
        credentials = {
            setting["key"]: setting["value"]
            for setting in self.configuration.auth_settings().values()
            if setting["in"] == "header" and setting["value"]
        }
        found = {**self.api_client.default_headers, **credentials}
        for name, value in found.items():
            # Here and not where it is sent: there the error holds the value.
            if not is_header(value):
                raise SettingsError(
                    f"The header {name} of our requests cannot be sent: it holds line breaks or"
                    " other characters that HTTP does not allow.\n"
                    "  See what the kubeconfig, its token file or its credential plugin gives."
                )
        return found

    def _see_who_answers(self, request: Request) -> None:
        """Tell a kind that is not served from a server that is none.

        The API server says 404 of a path that it does not know, and so does what has taken its
        place of every path: all of a cluster would seem to be gone.

        Raises:
            ApiUnreachable: it does not know its own version either.
        """
        version = Request(method="GET", path="/version")
        try:
            self._patiently(lambda left: self._whole(version, left), None)
        except _Refused as refused:
            if isinstance(refused.error, ApiError):
                raise ApiUnreachable(
                    f"{request}: not an API server answers, but something with 404; it has no"
                    " /version either.",
                    hint="See what stands before it, such as a load balancer.",
                ) from None
            raise refused.error from None

    def _whole(self, request: Request, left: float | None) -> Response:
        raw = self._ask(request, left)
        most = request.most or self.patience.limits.answer
        return self._read(request, raw, most, cut=request.cut)

    def _read(self, request: Request, raw: RawResponse, most: int, *, cut: bool) -> Response:
        try:
            body, shortened = bounds.read(raw, most, cut=cut)
            return Response(
                status=raw.status,
                body=body,
                headers=_lower(raw.headers),
                request=str(request),
                cut=shortened,
            )
        except bounds.AnswerTooLarge:
            why = f"{request}: the answer is longer than {most} bytes; no more is read of it."
            raise _Refused(ApiUnreachable(why)) from None
        except bounds.EncodedAnswer as error:
            why = f"{request}: the answer is {error}."
            raise _Refused(ApiUnreachable(why)) from None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise _no_answer(request, error) from error
        finally:
            raw.close()  # a connection whose answer was read to its end is back in the pool by now

    def _patiently(
        self, once: Callable[[float | None], T], tries: Tries | None, group: str = ""
    ) -> T:
        """Call, with the seconds that are left or None, until it raises no ``_Later``."""
        patience, started = self.patience, time.monotonic()
        # A server that was found dead is asked once per request until it answers again; else each
        # of many checks would wait for it in turn.
        budget, attempts = (0.0, 1) if self._dead & {"", group} else (patience.seconds, 2)
        backoff = Backoff(patience)

        def left() -> float | None:
            if patience.within is None:
                return None
            return max(started + patience.within - time.monotonic(), 0.01)

        def pause(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            wanted = error.pause if isinstance(error, _Later) else 0.0
            self._tell(error, time.monotonic() - started, budget)
            # Who wants to be asked again at once is asked as seldom as who says nothing.
            remaining = started + budget - time.monotonic()
            return max(0.0, min(max(backoff.pause(), wanted), remaining))

        def count(state: tenacity.RetryCallState) -> None:
            if tries:
                tries.count = state.attempt_number

        # A read that timed out has used up the time by itself; it gets a second attempt.
        def is_enough(state: tenacity.RetryCallState) -> bool:
            # By the clock of the pauses: where another one ended later, none would be left of them.
            passed = time.monotonic() - started
            if patience.within is not None and passed >= patience.within:
                return True
            return passed >= budget and state.attempt_number >= attempts

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Later),
            stop=is_enough,
            wait=pause,
            before=count,
            reraise=True,
        )
        try:
            result = retrying(lambda: once(left()))
        except _Later as later:
            if later.is_outage:
                self._dead.add("")
            elif isinstance(later.error, AggregatedApiDown):
                self._dead.add(group)
            raise
        self._dead -= {"", group}
        return result

    def _tell(self, error: BaseException | None, elapsed: float, budget: float) -> None:
        if elapsed >= _TELL_AFTER:
            seen = str(error).partition("\n")[0]
            what = f"API server {self.configuration.host}: an answer"
            self.observer.awaiting(what, seen, elapsed, budget)

    def _ask(self, request: Request, left: float | None) -> RawResponse:
        return self._as_ourselves(lambda: self._ask_once(request, left))

    def _as_ourselves(self, once: Callable[[], T]) -> T:
        """Do something with our credentials.

        Raises:
            _Later: no answer; or a refusal by an API server that has just come back, which lets
                nobody in until it has read who may.
        """
        try:
            return self.identity.shown(once)
        except ApiUnreachable as error:
            refused: _Refused = _Later(error)
        except AccessDenied as error:
            refused = _Refused(error)
        except _Refused as error:
            refused = error
        now = time.monotonic()
        if refused.is_outage:
            self._silent_at = now
        elif isinstance(refused.error, AccessDenied) and now - self._silent_at < _COMING_UP:
            refused = _Later(refused.error, refused.response)
        raise refused from refused.error

    def _ask_once(self, request: Request, left: float | None) -> RawResponse:
        started = time.monotonic()
        status = 0
        headers = {
            **self.headers(),
            "Accept": request.accept,
            "Accept-Encoding": "identity",
            "Content-Type": request.content_type,
        }
        seconds = min(request.timeout or self.patience.read, left or float("inf"))
        try:
            raw: RawResponse = self._pool.urlopen(
                request.method,
                f"{self.configuration.host.rstrip('/')}{request.target}",
                body=_encoded(request.body),
                headers=headers,
                timeout=urllib3.Timeout(connect=min(self.patience.connect, seconds), total=seconds),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            status = raw.status
        except bounds.AnswerTooLarge:
            why = f"{request}: the answer's header is endless."
            raise _Refused(ApiUnreachable(why)) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _no_answer(request, error) from error
        except ValueError as error:  # its words may be the headers
            why = f"{request}: it cannot be sent, or its answer be read ({type(error).__name__})."
            raise _Refused(ApiUnreachable(why)) from None
        finally:
            self.observer.request(
                request.method, request.target, status, time.monotonic() - started
            )
        if not 200 <= status <= 299:
            said = self._read(request, raw, _REFUSAL, cut=True)
            said = dataclasses.replace(said, body=unquoted(said.body, headers))
            raise _refused(said, raw.reason or "")
        return raw


def connect(
    configuration: Any, identity: Identity, observer: Observer, patience: RetryPolicy
) -> Transport:
    """A transport with a pool of its own.

    Raises:
        SettingsError: certificate or key of the kubeconfig are none.
    """
    configuration.connection_pool_maxsize = 16
    configuration.keep_alive = True  # known to newer clients; others ignore it
    try:
        context = tls.make_context(configuration)
    except OSError as error:
        raise SettingsError(
            f"Kubeconfig: its certificates or its key cannot be used: {error.strerror or error}"
        ) from None
    api_client: Any = ApiClient(configuration)
    api_client.user_agent = f"aicr-pytest/{_own_version()}"
    pool = bounds.bound(identity.usable(configuration, api_client.rest_client.pool_manager))
    # Not by the names of files, which would be read again for each connection.
    files = ("ca_certs", "ca_cert_data", "cert_file", "key_file")
    for name in pool.connection_pool_kw.keys() & files:
        pool.connection_pool_kw[name] = None
    pool.connection_pool_kw["ssl_context"] = context
    made = Transport(api_client, context, identity, observer, patience)
    identity.serve(configuration, made.renew_context)
    return made


def _is_odd_404(error: AicrError) -> bool:
    """Whether it is a 404 that is not about an object: for those, a Status gives the reason."""
    return isinstance(error, ApiError) and error.status == 404 and error.reason != "NotFound"


def _own_version() -> str:
    try:
        return metadata.version("aicr-pytest")
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "0"


def _lower(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (headers or {}).items()}


def _encoded(body: object) -> bytes | None:
    if body is None:
        return None
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body, default=_plain)).encode()


def _plain(value: Any) -> str:
    if isinstance(value, datetime.date):  # YAML knows dates; a datetime is one
        return value.isoformat()
    raise TypeError(f"{value!r} is no JSON")


def _refused(response: Response, phrase: str) -> _Refused:
    answer = Answer.read(response.status, phrase, response.body)
    ours = error_for(answer, response.request)
    # What redirects, or speaks another protocol, will do so the next time.
    if not isinstance(ours, ApiUnreachable) or response.status < 400:
        return _Refused(ours, response)
    after = retry_after(response.headers.get("retry-after", ""), time.time())
    return _Later(ours, response, after)


def retry_after(said: str, now: float) -> float:
    """Seconds that ``Retry-After`` asks for, in seconds or as a date; 0 where it says nothing.

    Args:
        now: Unix seconds.
    """
    said = said.strip()
    if re.fullmatch(r"[0-9]+", said):
        return float(said[:9]) if len(said) < 10 else float("inf")
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - now)
    except (ValueError, OverflowError, TypeError):
        return 0.0


def _no_answer(request: Request, error: Exception) -> _Refused:
    if isinstance(error, urllib3.exceptions.SSLError | ssl.SSLError):
        return _Refused(_no_tls(request, str(error)))
    if isinstance(error, urllib3.exceptions.LocationValueError):
        return _Refused(SettingsError(f"{request}: the kubeconfig's server is no address."))
    if isinstance(error, urllib3.exceptions.ReadTimeoutError | TimeoutError):
        return _Later(ApiUnreachable(f"{request}: the API server gives no whole answer in time."))
    # Only the last part of urllib3's message says what happened; the rest is objects' addresses.
    text = str(error.args[-1]) if error.args else ""
    why = text.rpartition(": ")[2] or type(error).__name__
    return _Later(ApiUnreachable(f"{request}: the API server gives no answer: {why}"))


_OF_TLS = {
    "mismatch": "The server's certificate is for other names: use one of them as the kubeconfig's "
    "server, or name it in tls-server-name.",
    "wrong version number": "What answers there speaks no TLS: see port and scheme of the "
    "kubeconfig's server.",
    "unexpected eof": "What answers there speaks no TLS: see port and scheme of the kubeconfig's "
    "server.",
    "record layer failure": "What answers there speaks no TLS: see port and scheme of the "
    "kubeconfig's server.",
    "": "The kubeconfig's certificate-authority must be the one that signed the server's.",
}
"""What a failed handshake says → the way out; the last one fits the rest."""


def _no_tls(request: Request, why: str) -> ApiUnreachable:
    said = why.lower().replace("_", " ")
    hint = next(hint for word, hint in _OF_TLS.items() if word in said)
    return ApiUnreachable(f"{request}: no TLS connection: {why}", hint=hint)
