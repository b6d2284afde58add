"""The way from the host to the lab's API server; run as a program inside the lab.

It inherits a socket that listens in the host's network, and connects in its own network, the
lab's. The host's network needs no link for it, and the program needs no rights.
"""

import asyncio
import contextlib
import socket
import sys

_CHUNK = 64 * 1024


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction to its end, then close that direction only."""
    # Either side may be gone at any time; what is left to do then is to close both.
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def relay(listening: socket.socket, host: str, port: int) -> None:
    """Join every connection to ``listening`` with a new one to ``host:port``."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(host, port)
        except OSError:
            # Nobody serves there: the client sees a closed connection, as from a dead server.
            writer.transport.abort()
            return
        try:
            await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
        finally:
            there_writer.close()
            writer.close()

    server = await asyncio.start_server(join, sock=listening)
    async with server:
        await server.serve_forever()


def main(argv: list[str]) -> None:
    """``relay.py FD HOST PORT``."""
    descriptor, host, port = argv
    listening = socket.socket(fileno=int(descriptor))
    asyncio.run(relay(listening, host, int(port)))


if __name__ == "__main__":
    main(sys.argv[1:])
