"""How much a listener takes on at once: idle connections give way, and what is too much is told so with a 503."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from node.network import Network, Running
from ottochain.node import doorkeeper

LISTENERS = ("public", "p2p", "cli")
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Awaitable[Connection]]]:
    """Opens connections, and closes them after the test."""
    async with AsyncExitStack() as opened:

        async def connect(node: Running, listener: str = "public", first: bytes = b"") -> Connection:
            return await opened.enter_async_context(connection(node, listener, first))

        yield connect


@asynccontextmanager
async def connection(node: Running, listener: str, first: bytes) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.node.ports[listener])  # type: ignore[index]
    writer.write(first)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.readuntil(b"\r\n\r\n")


async def until_true(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await check():  # noqa: ASYNC110  the condition is an answer
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("listener", LISTENERS)
async def test_silent_connections_give_way_the_longest_silent_first(
    nodes: Network,
    connect: Callable[..., Awaitable[Connection]],
    monkeypatch: pytest.MonkeyPatch,
    listener: str,
) -> None:
    monkeypatch.setattr(doorkeeper, "CONNECTIONS_MAX", dict.fromkeys(LISTENERS, 3))
    node = await nodes.start()
    silent = [await connect(node, listener, b"GET /node/health HTTP/1.1\r\nX-Slow: ") for _ in range(20)]
    async with asyncio.timeout(5):
        for reader, _ in silent[:17]:
            assert await reader.read() == b""
    assert not any(reader.at_eof() for reader, _ in silent[17:])
    reader, _ = await connect(node, listener, b"GET /node/state HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await answer(reader)).startswith(b"HTTP/1.1 ")


async def test_where_every_connection_is_at_work_a_new_one_is_told_to_come_again(
    nodes: Network, connect: Callable[..., Awaitable[Connection]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorkeeper, "CONNECTIONS_MAX", dict.fromkeys(LISTENERS, 2))
    node = await nodes.start()
    at_work = [await connect(node, "public", POST % 2 + b"[") for _ in range(2)]
    async with aiohttp.ClientSession() as stranger:

        async def is_busy() -> bool:
            async with stranger.get(node.url("/node/health")) as response:
                return response.status == 503 and response.headers["Retry-After"] == "1"

        await until_true(is_busy)  # both bodies are being waited for
        for reader, writer in at_work:
            writer.write(b"]")
            assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")
        async with stranger.get(node.url("/node/health")) as response:
            assert response.status == 200


async def test_beyond_some_farewells_connections_are_cut_off(
    nodes: Network, connect: Callable[..., Awaitable[Connection]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorkeeper, "CONNECTIONS_MAX", dict.fromkeys(LISTENERS, 0))
    monkeypatch.setattr(doorkeeper, "FAREWELLS_MAX", 2)
    node = await nodes.start()
    heard = []
    for _ in range(5):
        reader, _ = await connect(node)
        try:
            heard.append((await reader.read())[:12])
        except ConnectionError:
            heard.append(b"")
    assert heard == [b"HTTP/1.1 503", b"HTTP/1.1 503", b"", b"", b""]


async def test_the_bodies_at_hand_have_a_bound_together(
    nodes: Network, connect: Callable[..., Awaitable[Connection]], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 2 * doorkeeper.SMALL_BYTES
    monkeypatch.setattr(doorkeeper, "BODIES_BYTES_MAX", dict.fromkeys(LISTENERS, size + 1))
    monkeypatch.setattr("ottochain.node.listeners.BODIES_BYTES_MAX", dict.fromkeys(LISTENERS, size + 1))
    node = await nodes.start()
    reader, writer = await connect(node, "public", POST % size + b"[")
    body = b"[%b]" % (b" " * (size - 2))

    async def status() -> tuple[int, str | None]:
        async with node.http.post(node.url("/echo"), data=body) as response:
            return response.status, response.headers.get("Retry-After")

    async def is_full() -> bool:
        return await status() == (503, "1")

    await until_true(is_full)  # the first one is being waited for
    assert (await node.post("/echo", data=b"[]"))[0] == 200  # small ones are not held up
    writer.write(body[1:])
    assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")
    for _ in range(3):
        assert await status() == (200, None)


async def test_what_was_claimed_for_a_body_that_never_came_is_released(
    nodes: Network, connect: Callable[..., Awaitable[Connection]], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 2 * doorkeeper.SMALL_BYTES
    monkeypatch.setattr("ottochain.node.listeners.BODIES_BYTES_MAX", dict.fromkeys(LISTENERS, size))
    monkeypatch.setattr("ottochain.node.bodies.READ_SECONDS", 0.05)
    node = await nodes.start()
    reader, _ = await connect(node, "public", POST % size + b"[")
    assert b" 408 " in await answer(reader)
    assert (await node.post("/echo", data=b"[%b]" % (b" " * (size - 2))))[0] == 200


def test_where_descriptors_are_few_so_are_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 256))
    assert [doorkeeper.connections_max(name) for name in ("public", "p2p", "cli")] == [102, 51, 12]
    monkeypatch.setattr("resource.getrlimit", lambda _: (100_000, 100_000))
    assert [doorkeeper.connections_max(name) for name in ("public", "p2p", "cli")] == [1024, 512, 32]
