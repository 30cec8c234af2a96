"""The light client reads what servers send, and tells in a few words why there is no answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from ottochain.client.light import LightClient, Unreachable


@asynccontextmanager
async def a_server(*answers: bytes, accepted: Callable[[], None] = lambda: None) -> AsyncIterator[int]:
    """Sends the answers one after another, each for one request on the same connection, then closes."""

    handlers: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        handlers.append(task)
        accepted()
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            for answer in answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                writer.write(answer)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*handlers)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", b"body"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\n\r\n", b"body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nTrailer: x\r\n\r\n", b"body"),
        (b"HTTP/1.0 200 OK\r\n\r\nbody", b"body"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
    ids=["length", "chunked", "chunked with a trailer", "until closed", "no content"],
)
async def test_a_body_of_any_framing_is_read(answer: bytes, body: bytes) -> None:
    async with a_server(answer) as port, LightClient() as client:
        assert (await client.get("127.0.0.1", port, "/")).body == body


async def test_a_connection_is_used_again_and_a_closed_one_replaced() -> None:
    connections: list[None] = []
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with a_server(answer, answer, accepted=lambda: connections.append(None)) as port, LightClient() as client:
        for expected in (1, 1, 2):
            assert (await client.get("127.0.0.1", port, "/")).ok
            assert len(connections) == expected


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nshort", "closed in the middle"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 400000000000\r\n\r\n", "too long"),
        (b"nonsense\r\n\r\n", "not enough values"),
        (b"", "closed in the middle"),
    ],
    ids=["cut off", "endless", "no HTTP", "nothing"],
)
async def test_an_answer_that_is_none_is_unreachable(answer: bytes, why: str) -> None:
    async with a_server(answer) as port, LightClient() as client:
        with pytest.raises(Unreachable, match=why):
            await client.get("127.0.0.1", port, "/")


async def test_nobody_there_and_nobody_answering() -> None:
    left = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()
        left.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with LightClient() as client:
        async with server:
            with pytest.raises(Unreachable, match=r"no answer within 0\.05 s"):
                await client.get("127.0.0.1", port, "/", seconds=0.05)
            await left.wait()
        with pytest.raises(Unreachable, match="refused"):
            await client.get("127.0.0.1", port, "/")


async def test_a_post_is_not_sent_twice() -> None:
    received: list[None] = []
    async with a_server(b"", accepted=lambda: received.append(None)) as port, LightClient() as client:
        with pytest.raises(Unreachable):
            await client.post("127.0.0.1", port, "/", b"{}")
    assert len(received) == 1
