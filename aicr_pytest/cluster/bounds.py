"""Reads that end, in time and in size, whoever sends.

A socket's timeout counts from one byte to the next: a server that sends a byte now and then holds
its reader for ever. And whoever reads until the end keeps as much as the other side likes to send.
So all reads of one answer share an ``Allowance``, from the first byte of its header to the last one
of its body, whatever its framing says.
"""

import http.client
import io
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol

MIB = 2**20
LARGEST = 256 * MIB
"""Bytes of the largest answer, header and framing included; its reader sets narrower bounds."""
_PIECE = 65536


class AnswerTooLarge(Exception):
    """More has come than is taken; no ``OSError``, since asking again would bring as much."""


class EncodedAnswer(Exception):
    """The body is compressed, though nobody has asked for that."""


class Allowance:
    """How long, and how much may still be read.

    Args:
        seconds: None for as long as it takes.
    """

    def __init__(
        self, seconds: float | None, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._end = None if seconds is None else clock() + seconds
        self._left = most

    def seconds_left(self) -> float | None:
        """Seconds for the next read; None for as long as it takes.

        Raises:
            TimeoutError: none are left.
        """
        if self._end is None:
            return None
        if (left := self._end - self._clock()) <= 0:
            raise TimeoutError("timed out")
        return left

    def take(self, count: int) -> None:
        """So many bytes have come.

        Raises:
            AnswerTooLarge: more than may.
        """
        self._left -= count
        if self._left < 0:
            raise AnswerTooLarge


class BoundedResponse(http.client.HTTPResponse):
    """An answer that has come as a whole within the timeout that its socket has at its beginning.

    For ``response_class`` of connections of http.client, and of urllib3, which are such.
    """

    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        raw = self.fp.detach()
        allowance = Allowance(sock.gettimeout(), LARGEST)
        self.fp = io.BufferedReader(_Metered(raw, sock, allowance))


class _Metered(io.RawIOBase):
    def __init__(self, raw: Any, sock: socket.socket, allowance: Allowance) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._allowance = allowance

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._allowance.seconds_left())
        count: int | None = self._raw.readinto(buffer)
        self._allowance.take(count or 0)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class BoundedSocket:
    """A socket whose reads share an allowance, for libraries that call ``recv``."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._allowance = Allowance(None, LARGEST)

    def allow(self, seconds: float | None, most: int) -> None:
        """Begin a new allowance."""
        self._allowance = Allowance(seconds, most)

    def recv(self, size: int) -> bytes:
        """Some bytes, within what is allowed."""
        # Another thread may be sending: its timeout is left alone where reads have none.
        if (left := self._allowance.seconds_left()) is not None:
            self._sock.settimeout(left)
        data = self._sock.recv(min(size, _PIECE))
        self._allowance.take(len(data))
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def bound(manager: Any) -> Any:
    """Bound all answers that a pool manager of urllib3 gets, be they direct or through a proxy."""
    manager.pool_classes_by_scheme = {
        scheme: _bounded(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    return manager


def _bounded(pool: Any) -> Any:
    connection = type(
        "BoundedConnection", (pool.ConnectionCls,), {"response_class": BoundedResponse}
    )
    return type("BoundedPool", (pool,), {"ConnectionCls": connection})


class Body(Protocol):
    """What has the headers and the body of an answer."""

    @property
    def headers(self) -> Any:
        """Headers; names in any case."""

    def read(self, amt: int | None = None) -> bytes:
        """So much of the body; all of it for None."""


def read(body: Body, most: int, *, cut: bool = False) -> tuple[bytes, bool]:
    """The body of an answer as it was sent, and whether it is only the beginning.

    Args:
        cut: give the first ``most`` bytes of a longer body.

    Raises:
        AnswerTooLarge: it is longer than ``most`` bytes.
        EncodedAnswer: it is compressed, so that its size is anything.
    """
    encoding = (body.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise EncodedAnswer(f"compressed ({encoding[:40]}), though nobody has asked for that")
    found = bytearray()
    while piece := body.read(min(_PIECE, most + 1 - len(found))):
        found += piece
        if len(found) > most:
            if not cut:
                raise AnswerTooLarge
            return bytes(found[:most]), True
    return bytes(found), False
