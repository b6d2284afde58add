"""Streams: exec and port-forward, each over a websocket of its own.

The kubernetes client's ``stream`` swaps a method of the client while it connects, so that parallel
requests go astray; it knows no timeout for connecting, loses the status of a refused handshake, and
fails on answers of the runtime that are no exit code. So the protocol is spoken here. It is small:
the first byte of each frame is a channel.
"""

import contextlib
import dataclasses
import datetime
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from aicr_pytest.cluster.bounds import AnswerTooLarge
from aicr_pytest.cluster.kinds import POD
from aicr_pytest.cluster.messages import Limits, read_json
from aicr_pytest.cluster.observer import Execution
from aicr_pytest.errors import (
    AicrError,
    ApiUnreachable,
    ProbeFailed,
)

_STATUS = 65536
"""Bytes of a command's exit status."""
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
    def request(self) -> str:
        """Method and path; the query repeats the command."""
        return POD.request("GET", self.namespace, self.pod, "exec")

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


class Channel:
    """What came over one output stream: its beginning and its end, if there is too much of it."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def __iadd__(self, data: bytes) -> "Channel":
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * self._half:  # not each time: that would move all of it each time
            self._cut()
        return self

    def __bool__(self) -> bool:
        return bool(self._head)

    @property
    def text(self) -> str:
        """It as text, which says what is left out; bytes that are not UTF-8 are replaced."""
        self._cut()
        if not self._left_out:
            return (self._head + self._tail).decode(errors="replace")
        return (
            self._head.decode(errors="replace")
            + f"\n[{self._left_out} bytes left out by aicr-pytest]\n"
            + self._tail.decode(errors="replace")
        )

    def _cut(self) -> None:
        over = max(0, len(self._tail) - self._half)
        self._left_out += over
        del self._tail[:over]


def execute(
    dial: Dial, command: Command, *, timeout: float, limits: Limits | None = None
) -> Execution:
    """Run a command in a container.

    Raises:
        ProbeFailed: it did not end in time, or the runtime could not run it.
        ApiUnreachable: the connection broke before the command's end.
    """
    taken_at = datetime.datetime.now(datetime.UTC)
    started = time.monotonic()
    link = dial(command.path, command.query, _EXEC_PROTOCOLS)
    try:
        output = _Output(command, limits or Limits())
        output.read(link, started + timeout, timeout)
    finally:
        link.shutdown()  # close() would wait for the other side's goodbye
    exit_code, complaint = _outcome(output.status, command)
    return Execution(
        pod=command.pod,
        namespace=command.namespace,
        container=command.container,
        command=command.words,
        stdout=output.stdout.text,
        stderr=output.stderr.text + complaint,
        exit_code=exit_code,
        taken_at=taken_at,
        request=command.request,
        seconds=time.monotonic() - started,
        stdin=bool(command.stdin),
    )


def _send_stdin(link: Any, data: bytes) -> None:
    for start in range(0, len(data), 32768):
        link.send_binary(bytes([_STDIN]) + data[start : start + 32768])
    if link.subprotocol == _EXEC_PROTOCOLS[0]:  # v4 has no way to close a single stream
        link.send_binary(bytes([_CLOSE, _STDIN]))


class _Output:
    def __init__(self, command: Command, limits: Limits) -> None:
        self._command = command
        self._limits = limits
        self.stdout = Channel(limits.channel)
        self.stderr = Channel(limits.channel)
        self.status = bytearray()

    def read(self, link: Any, deadline: float, timeout: float) -> None:
        import websocket

        command = self._command
        try:
            if command.stdin:
                link.settimeout(timeout)
                _send_stdin(link, command.stdin.encode())
            while not self._take(link, deadline):
                pass
        except (websocket.WebSocketTimeoutException, TimeoutError) as error:
            written = (self.stderr or self.stdout).text[-200:].strip()
            raise ProbeFailed(
                f"{command}: did not end within {timeout:g} s"
                + (f"; it wrote: {written}" if written else ", and wrote nothing.")
            ) from error
        except AnswerTooLarge:
            raise ApiUnreachable(
                f"{command}: the API server sends messages without an end."
            ) from None
        except (websocket.WebSocketException, OSError, ValueError) as error:
            if not self.status:
                raise ApiUnreachable(f"{command}: the connection broke: {error}") from error

    def _take(self, link: Any, deadline: float) -> bool:
        """Take the next message; whether it was the last one."""
        import websocket

        if (left := deadline - time.monotonic()) <= 0:
            raise TimeoutError
        link.sock.allow(left, self._limits.frame)
        opcode, frame = link.recv_data_frame(True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return True
        data = frame.data
        if opcode == websocket.ABNF.OPCODE_PING or not data:
            return False
        if data[0] == _STDOUT:
            self.stdout += data[1:]
        elif data[0] == _STDERR:
            self.stderr += data[1:]
        elif data[0] == _ERROR:
            if len(self.status) + len(data) > _STATUS:
                raise AnswerTooLarge
            self.status += data[1:]
            # Nothing comes after the status; waiting for the close costs a round trip.
            return _complete(self.status)
        return False


def _complete(status: bytearray) -> bool:
    if not status.rstrip().endswith((b"}", b"]")):  # else each byte would be read again each time
        return False
    try:
        read_json(bytes(status))
    except ValueError:
        return False
    return True


def _outcome(channel: bytearray, command: Command) -> tuple[int, str]:
    """Exit code, and the runtime's words where it has none."""
    if not channel:
        raise ApiUnreachable(f"{command}: the connection ended without an exit status.")
    try:
        status = read_json(bytes(channel))
        if not isinstance(status, dict):
            raise ValueError("no object")
    except ValueError as error:
        said = channel[:300].decode(errors="replace")
        raise ApiUnreachable(f"{command}: this is no exit status: {said}") from error
    if status.get("status") == "Success":
        return 0, ""
    if (code := _exit_code(status)) is not None:
        return code, ""
    message = str(status.get("message", ""))
    # A shell says so by 127 and 126; runtimes say it in words.
    if any(words in message for words in _NOT_FOUND):
        return 127, message
    if any(words in message for words in _NOT_ALLOWED):
        return 126, message
    raise ProbeFailed(f"{command}: could not be run: {message[:600]}")


def _exit_code(status: dict[str, Any]) -> int | None:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for cause in causes if isinstance(causes, list) else ():
        if isinstance(cause, dict) and cause.get("reason") == "ExitCode":
            message = str(cause.get("message", ""))
            if re.fullmatch(r"[0-9]{1,10}", message):
                return int(message)
    return None


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
            link.sock.allow(None, Limits().frame)
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

    return (OSError, ValueError, AnswerTooLarge, websocket.WebSocketException)


def _drop(link: Any) -> None:
    # shutdown() and not close(): another thread may be reading, and close() would wait for it.
    with contextlib.suppress(OSError, AttributeError, ValueError):
        link.sock.shutdown(socket.SHUT_RDWR)
