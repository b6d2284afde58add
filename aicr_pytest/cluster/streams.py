"""Streams: exec and port-forward, each over a websocket of its own.

The kubernetes client's ``stream`` swaps a method of the client while it connects, so that parallel
requests go astray; it knows no timeout for connecting, loses the status of a refused handshake, and
fails on answers of the runtime that are no exit code. So the protocol is spoken here. It is small:
the first byte of each frame is a channel.
"""

import contextlib
import dataclasses
import datetime
import http.client
import json
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from aicr_pytest.cluster.kinds import POD
from aicr_pytest.cluster.observing import Execution, Observer
from aicr_pytest.cluster.refusals import Answer, error_for
from aicr_pytest.errors import AccessDenied, AicrError, ApiError, ApiUnreachable, ProbeFailed

_CONNECT = 10.0
"""Seconds to connect and shake hands."""
_EXEC_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_FORWARD_PROTOCOLS = ("v4.channel.k8s.io",)
_STDIN, _STDOUT, _STDERR, _ERROR, _CLOSE = 0, 1, 2, 3, 255
_NOT_FOUND = ("executable file not found", "no such file or directory")
_NOT_ALLOWED = ("permission denied",)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is run, and where."""

    pod: str
    namespace: str
    container: str
    """Empty for the pod's default container."""
    words: tuple[str, ...]
    """The command with its arguments."""
    stdin: str = ""
    """Sent to standard input, which is closed then; empty for no standard input."""

    @property
    def path(self) -> str:
        """The path of the exec subresource."""
        return POD.path(self.namespace, self.pod, "exec")

    @property
    def query(self) -> list[tuple[str, str]]:
        """Streams, container and the command's words."""
        query = [("stdout", "true"), ("stderr", "true")]
        query += [("stdin", "true")] if self.stdin else []
        query += [("container", self.container)] if self.container else []
        return query + [("command", word) for word in self.words]

    def __str__(self) -> str:
        return f"Pod {self.namespace}/{self.pod}: `{' '.join(self.words)}`"


Dial = Callable[[str, Sequence[tuple[str, str]], Sequence[str]], Any]
"""Opens a websocket: path, query, protocols."""


def execute(dial: Dial, command: Command, *, timeout: float) -> Execution:
    """Run a command in a container.

    Raises:
        ProbeFailed: it did not end in time, or the runtime could not run it.
        ApiUnreachable: the connection broke before the command's end.
    """
    taken_at = datetime.datetime.now(datetime.UTC)
    started = time.monotonic()
    link = dial(command.path, command.query, _EXEC_PROTOCOLS)
    try:
        if command.stdin:
            _send_stdin(link, command.stdin.encode())
        output = _read(link, command, started + timeout, timeout)
    finally:
        link.shutdown()  # close() would wait for the other side's goodbye
    exit_code, complaint = _outcome(output[_ERROR], command)
    stderr = output[_STDERR].decode(errors="replace")
    return Execution(
        pod=command.pod,
        namespace=command.namespace,
        container=command.container,
        command=command.words,
        stdout=output[_STDOUT].decode(errors="replace"),
        stderr=stderr + complaint,
        exit_code=exit_code,
        taken_at=taken_at,
        seconds=time.monotonic() - started,
        stdin=bool(command.stdin),
    )


def _send_stdin(link: Any, data: bytes) -> None:
    for start in range(0, len(data), 32768):
        link.send_binary(bytes([_STDIN]) + data[start : start + 32768])
    if link.subprotocol == _EXEC_PROTOCOLS[0]:  # v4 has no way to close a single stream
        link.send_binary(bytes([_CLOSE, _STDIN]))


def _read(link: Any, command: Command, deadline: float, timeout: float) -> dict[int, bytearray]:
    import websocket

    output = {channel: bytearray() for channel in (_STDOUT, _STDERR, _ERROR)}
    try:
        while True:
            if (left := deadline - time.monotonic()) <= 0:
                raise TimeoutError
            link.settimeout(left)
            opcode, frame = link.recv_data_frame(True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                break
            data = frame.data
            if opcode == websocket.ABNF.OPCODE_PING or not data:
                continue
            if data[0] in output:
                output[data[0]] += data[1:]
            if data[0] == _ERROR and _complete(output[_ERROR]):
                break  # nothing comes after the status; waiting for the close costs a round trip
    except (websocket.WebSocketTimeoutException, TimeoutError) as error:
        written = (output[_STDERR] or output[_STDOUT]).decode(errors="replace")[-200:].strip()
        raise ProbeFailed(
            f"{command}: did not end within {timeout:g} s"
            + (f"; it wrote: {written}" if written else ", and wrote nothing.")
        ) from error
    except (websocket.WebSocketException, OSError) as error:
        if not output[_ERROR]:
            raise ApiUnreachable(f"{command}: the connection broke: {error}") from error
    return output


def _complete(status: bytearray) -> bool:
    try:
        json.loads(status)
    except ValueError:
        return False
    return True


def _outcome(channel: bytearray, command: Command) -> tuple[int, str]:
    """Exit code, and the runtime's words where it has none."""
    if not channel:
        raise ApiUnreachable(f"{command}: the connection ended without an exit status.")
    try:
        status = json.loads(channel)
    except ValueError as error:
        raise ApiUnreachable(f"{command}: {channel.decode(errors='replace')[:300]}") from error
    if status.get("status") == "Success":
        return 0, ""
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode" and str(cause.get("message", "")).isdecimal():
            return int(cause["message"]), ""
    message = str(status.get("message", ""))
    # A shell says so by 127 and 126; runtimes say it in words.
    if any(words in message for words in _NOT_FOUND):
        return 127, message
    if any(words in message for words in _NOT_ALLOWED):
        return 126, message
    raise ProbeFailed(f"{command}: could not be run: {message[:600]}")


class Forward:
    """A local port that leads to a port of a pod; a context manager that gives the local port.

    One websocket per connection, opened when somebody connects: the protocol carries no more.
    """

    def __init__(self, dial: Dial, path: str, port: int) -> None:
        self._dial = dial
        self._path = path
        self._port = port
        self._links: list[Any] = []
        self._stopping = threading.Event()
        self._listener: socket.socket | None = None

    def __enter__(self) -> int:
        self._open().shutdown()  # so that a refusal is an error here, and not a silent close later
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        local: int = self._listener.getsockname()[1]
        return local

    def _open(self) -> Any:
        return self._dial(self._path, [("ports", str(self._port))], _FORWARD_PROTOCOLS)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            self._listener.close()
        for link in self._links:
            _drop(link)

    def _accept(self, listener: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._bridge, args=(client,), daemon=True).start()

    def _bridge(self, client: socket.socket) -> None:
        try:
            link = self._open()
            self._links.append(link)
        except AicrError:
            client.close()  # to whoever connected it is a connection that was closed
            return
        threading.Thread(target=_upstream, args=(client, link), daemon=True).start()
        _downstream(link, client)


def _upstream(client: socket.socket, link: Any) -> None:
    with contextlib.suppress(*_broken()):
        while data := client.recv(65536):
            link.send_binary(b"\x00" + data)
    _drop(link)


def _downstream(link: Any, client: socket.socket) -> None:
    import websocket

    opened = set()
    with contextlib.suppress(*_broken()), client:
        link.settimeout(None)
        while True:
            opcode, frame = link.recv_data_frame(True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                break
            if opcode == websocket.ABNF.OPCODE_PING or not frame.data:
                continue
            channel = frame.data[0]
            if channel not in opened:
                opened.add(channel)  # its first frame repeats the port
            elif channel == 0:
                client.sendall(frame.data[1:])
            else:
                break  # an error of the other side, in words; the connection is over
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
    link.shutdown()


def _broken() -> tuple[type[Exception], ...]:
    import websocket

    return (OSError, websocket.WebSocketException)


def _drop(link: Any) -> None:
    # shutdown() and not close(): another thread may be reading, and close() would wait for it.
    with contextlib.suppress(OSError, AttributeError, ValueError):
        link.sock.shutdown(socket.SHUT_RDWR)


def dial(
    configuration: Any,
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
            sock = _connect(configuration, url)
            link.connect(
                f"{scheme}://{url.netloc}{target}",
                socket=sock,
                timeout=_CONNECT,
                header=[f"{name}: {value}" for name, value in headers.items()]
                + [f"{name}: {value}" for name, value in _credentials(configuration)],
                subprotocols=list(protocols),
                suppress_origin=True,
            )
        status = 101
        return link
    except websocket.WebSocketBadStatusException as error:
        status = error.status_code
        raise _handshake_error(error, request) from error
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
    except (OSError, http.client.HTTPException, websocket.WebSocketException) as error:
        raise ApiUnreachable(f"{request}: the API server gives no answer: {error}") from error


def _handshake_error(error: Any, request: str) -> AicrError:
    answer = Answer.read(error.status_code, str(error.status_message or ""), error.resp_body)
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


def _credentials(configuration: Any) -> Iterator[tuple[str, str]]:
    # auth_settings() renews a token that has expired, as it does for plain requests.
    for setting in configuration.auth_settings().values():
        if setting["in"] == "header" and setting["value"]:
            yield setting["key"], setting["value"]


def _connect(configuration: Any, url: urllib.parse.SplitResult) -> socket.socket:
    host = url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    if proxy := _proxy(configuration, host):
        via = urllib.parse.urlsplit(proxy)
        connection = http.client.HTTPConnection(
            via.hostname or "", via.port or 80, timeout=_CONNECT
        )
        connection.set_tunnel(host, port, dict(configuration.proxy_headers or {}))
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_CONNECT)
    connection.connect()
    sock: socket.socket = connection.sock
    if url.scheme != "https":
        return sock
    server_name = getattr(configuration, "tls_server_name", None) or host
    return _tls(configuration).wrap_socket(sock, server_hostname=server_name)


def _proxy(configuration: Any, host: str) -> str:
    import urllib.request

    bypasses: Any = vars(urllib.request)["proxy_bypass_environment"]  # typeshed lacks it
    bypassed = bypasses(host, {"no": configuration.no_proxy or ""})
    return "" if bypassed else configuration.proxy or ""


def _tls(configuration: Any) -> ssl.SSLContext:
    data = getattr(configuration, "ca_cert_data", None)
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None, cadata=data)
    if configuration.assert_hostname is False:
        context.check_hostname = False
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
