import asyncio
import socket

from aicr_lab.kubernetes.relay import relay


def listening() -> socket.socket:
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    found.listen()
    return found


async def _through(port_behind: int, sent: bytes) -> bytes:
    front = listening()
    task = asyncio.create_task(relay(front, "127.0.0.1", port_behind))
    try:
        reader, writer = await asyncio.open_connection(*front.getsockname())
        writer.write(sent)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers only after the end of the question: half-closed connections must pass."""
    writer.write((await reader.read()).upper())
    await writer.drain()
    writer.close()


async def _with_echo(sent: bytes) -> bytes:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with server:
        return await _through(server.sockets[0].getsockname()[1], sent)


def test_bytes_pass_both_ways_to_their_end() -> None:
    sent = b"a" * 1_000_000
    assert asyncio.run(_with_echo(sent)) == sent.upper()


async def _dead_then_alive() -> tuple[bytes | None, bytes]:
    free = listening()
    port = free.getsockname()[1]
    free.close()
    try:
        dead: bytes | None = await _through(port, b"x")
    except ConnectionError:
        dead = None
    return dead, await _with_echo(b"x")


def test_a_dead_server_looks_dead() -> None:
    dead, alive = asyncio.run(_dead_then_alive())
    assert not dead
    assert alive == b"X"
