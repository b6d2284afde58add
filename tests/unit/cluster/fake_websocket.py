"""The server's side of exec and port-forward, for the fake API server."""

import contextlib
import socket
import struct
from typing import Any


class WebSocket:
    """The server's side of a websocket, with just enough frames."""

    def __init__(self, sock: socket.socket, reader: Any) -> None:
        self._sock = sock
        self._reader = reader

    def send(self, data: bytes, opcode: int = 2) -> None:
        head = bytes([0x80 | opcode])
        if len(data) < 126:
            head += bytes([len(data)])
        elif len(data) < 65536:
            head += bytes([126]) + struct.pack(">H", len(data))
        else:
            head += bytes([127]) + struct.pack(">Q", len(data))
        self._sock.sendall(head + data)

    def receive(self) -> bytes | None:
        """The next frame's data; None at the end."""
        head = self._reader.read(2)
        if len(head) < 2 or head[0] & 0x0F == 8:
            return None
        length = head[1] & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._reader.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._reader.read(8))
        mask = self._reader.read(4)
        return bytes(b ^ mask[i % 4] for i, b in enumerate(self._reader.read(length)))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.send(struct.pack(">H", 1000), opcode=8)
