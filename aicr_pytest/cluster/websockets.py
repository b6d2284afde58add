"""A websocket to the API server: how it is reached, and what its refusal of a stream means."""

import contextlib
import http.client
import socket
import ssl
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aicr_pytest.cluster.bounds import AnswerTooLarge, BoundedResponse, BoundedSocket
from aicr_pytest.cluster.messages import unquoted
from aicr_pytest.cluster.observer import Observer
from aicr_pytest.cluster.refusals import Answer, error_for
from aicr_pytest.errors import (
    AccessDenied,
    AicrError,
    ApiError,
    ApiUnreachable,
    StreamNotPassed,
)
from aicr_pytest.urls import in_url

_CONNECT = 10.0
"""Seconds to connect and shake hands."""
_HANDSHAKE = 65536
"""Bytes of the answer to a handshake."""


def dial(
    configuration: Any,
    context: ssl.SSLContext,
    observer: Observer,
    headers: Mapping[str, str],
    path: str,
    query: Sequence[tuple[str, str]],
    protocols: Sequence[str],
) -> Any:
    """A websocket to a path of the API server.

    Raises:
        AicrError: the handshake was refused, as ``refusals.error_for`` says.
    """
    import websocket

    url = urllib.parse.urlsplit(configuration.host)
    target = f"{url.path.rstrip('/')}{path}?{urllib.parse.urlencode(query)}"
    request = f"GET {path}"
    scheme = "wss" if url.scheme == "https" else "ws"
    started = time.monotonic()
    status = 0
    link: Any = websocket.WebSocket(enable_multithread=True)
    try:
        with _errors_named(request):
            sock = BoundedSocket(_connect(configuration, context, url))
            sock.allow(_CONNECT, _HANDSHAKE)
            link.connect(
                f"{scheme}://{url.netloc}{target}",
                socket=sock,
                timeout=_CONNECT,
                header=[f"{name}: {value}" for name, value in headers.items()],
                subprotocols=list(protocols),
                suppress_origin=True,
                redirect_limit=0,  # else our credentials would go to wherever it leads
            )
            status = link.getstatus() or 0
            if status != 101:
                raise websocket.WebSocketException(f"it answers {status}")
        return link
    except websocket.WebSocketBadStatusException as error:
        status = error.status_code
        # Without the error itself, which quotes the headers of the answer.
        raise _handshake_error(error, request, headers) from None
    finally:
        asked = f"{path}?{urllib.parse.urlencode(query)}"
        observer.request("GET", asked, status, time.monotonic() - started)


@contextlib.contextmanager
def _errors_named(request: str) -> Iterator[None]:
    import websocket

    try:
        yield
    except websocket.WebSocketBadStatusException:
        raise
    except ssl.SSLError as error:
        raise ApiUnreachable(f"{request}: no TLS connection: {error}") from error
    except AnswerTooLarge:
        raise ApiUnreachable(f"{request}: the API server's answer has no end.") from None
    except (ValueError, IndexError) as error:  # it may quote the answer
        kind = type(error).__name__
        raise ApiUnreachable(f"{request}: the API server answers no HTTP ({kind}).") from None
    except (OSError, http.client.HTTPException, websocket.WebSocketException) as error:
        raise ApiUnreachable(f"{request}: the API server gives no answer: {error}") from error


_NO_UPGRADE = frozenset({405, 426, 501})
"""What proxies answer that pass no stream; API servers do not."""
_NO_STREAM = (
    "A proxy before the API server does not pass Upgrade: name the server itself in the kubeconfig,"
    " or have the proxy pass websockets."
)
_KUBELETS = "pod does not exist"
"""What kubelet says with 404, through the API server and as plain text."""


def _handshake_error(error: Any, request: str, headers: Mapping[str, str]) -> AicrError:
    said = unquoted(error.resp_body or b"", headers)
    answer = Answer.read(error.status_code, str(error.status_message or ""), said)
    if answer.status < 400:
        return ApiUnreachable(f"{request}: no stream, but {answer.status}: {answer.message}")
    if _is_of_a_proxy(answer):
        words = f"{answer.status} {answer.reason}: {answer.message}"
        return StreamNotPassed(f"{request}: no stream is opened: {words}", hint=_NO_STREAM)
    if answer.status == 500 and "container not found" in answer.message:
        # kubelet's words for a container that has ended: an answer, whatever its number.
        return ApiError(500, answer.reason, answer.message, request=request)
    found = error_for(answer, request)
    if isinstance(found, ApiError) and answer.status == 403:
        # Servers from 1.35 on ask for the right to create as well, and do not say so when they
        # refuse; and whoever else refuses: a stream that is not opened shows nothing of anybody.
        subresource = request.rpartition("/")[2]
        return AccessDenied(
            f"{request}: refused (403 {answer.message.strip()}); "
            f"streams need the rights to get and to create pods/{subresource}.",
            hint=f"Check with: kubectl auth can-i create pods --subresource={subresource} -A",
        )
    return found


def _is_of_a_proxy(answer: Answer) -> bool:
    """Whether somebody before the API server has answered, to whom a stream is no request."""
    if answer.status in _NO_UPGRADE or ("pgrade" in answer.message and answer.status < 500):
        return True
    return answer.status in (400, 404) and not answer.is_status and _KUBELETS not in answer.message


def _connect(
    configuration: Any, context: ssl.SSLContext, url: urllib.parse.SplitResult
) -> socket.socket:
    host = url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    if configuration.proxy:
        via = urllib.parse.urlsplit(configuration.proxy)
        if via.scheme == "https":
            raise StreamNotPassed(
                "Exec and port-forward do not go through a proxy that is spoken to by TLS"
                f" ({configuration.proxy}).",
                hint="Name it by http:// where it listens there, too, or except the API server"
                " from it by NO_PROXY.",
            )
        connection = http.client.HTTPConnection(
            via.hostname or "", via.port or 80, timeout=_CONNECT
        )
        connection.response_class = BoundedResponse
        # In brackets, which newer versions of Python would set themselves.
        connection.set_tunnel(in_url(host), port, dict(configuration.proxy_headers or {}))
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_CONNECT)
    connection.connect()
    sock: socket.socket = connection.sock
    if url.scheme != "https":
        return sock
    server_name = getattr(configuration, "tls_server_name", None) or host
    return context.wrap_socket(sock, server_hostname=server_name)
