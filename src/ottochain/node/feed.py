"""The feed: how a node pushes what it committed to those who follow it.

``GET /ottochain/feed?after=N&hash=H`` on the public listener of GL0 and ML0 answers newline-delimited JSON and stays
open. The first line is a ``state`` (what a follower needs to start from), preceded by an ``entry`` for each ordinal
after N that the follower missed; from then on one ``entry`` per committed snapshot, and a ``beat`` when nothing
happened for a while, so that a dead connection is noticed. A follower whose N and H are not on this chain gets a single
``diverged`` line and nothing more: it must not go on silently.

An entry is told as a change of the one before it, so a connection never leaves one out: a follower that is too slow is
cut off, and asks again from where it is.

Nothing here is part of Tessellation: the reference polls. Followers check every entry's certificate themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import aiohttp
from aiohttp import web

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.node.responses import empty

log = logging.getLogger(__name__)

BEAT_SECONDS = 15.0
SILENCE_SECONDS = 3 * BEAT_SECONDS
"""A follower that heard nothing for this long takes the connection for dead."""

RETRY_FIRST_SECONDS = 0.02
RETRY_LAST_SECONDS = 2.0

BACKLOG_LIMIT = 512
BACKLOG_BYTES_MAX = 64 * 1024 * 1024
"""Lines waiting for one slow follower, and their bytes, the last line not counted; beyond it the connection is closed
and the follower comes back by itself."""

FOLLOWERS_MAX = 256
"""More than the nodes and services of any deployment; beyond it 503."""

LINE_BYTES_MAX = 64 * 1024 * 1024

Line = Mapping[str, Any]


class FeedError(Exception):
    """What a feed says can't be taken in. The connection is given up, and the next one starts from what is known."""


class _Backlog(asyncio.Queue[bytes | None]):
    """What waits for one follower."""

    def __init__(self) -> None:
        super().__init__(BACKLOG_LIMIT)
        self._bytes = 0

    def _put(self, item: bytes | None) -> None:
        super()._put(item)
        self._bytes += len(item or b"")

    def _get(self) -> bytes | None:
        item = super()._get()
        self._bytes -= len(item or b"")
        return item

    def full(self) -> bool:
        return super().full() or self._bytes >= BACKLOG_BYTES_MAX


class FeedHub:
    """Fans the lines of one node out to its open connections."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()
        self._closed = False

    @property
    def followers(self) -> int:
        return len(self._queues)

    def publish(self, line: bytes) -> None:
        """Queues one encoded line (without its newline) for every follower."""
        for queue in tuple(self._queues):
            if queue.full():
                self._end(queue)
            else:
                queue.put_nowait(line)

    def close(self) -> None:
        """Ends every connection, so that the listener can stop; lets nobody in any more."""
        self._closed = True
        for queue in tuple(self._queues):
            self._end(queue)

    def _end(self, queue: asyncio.Queue[bytes | None]) -> None:
        """What waits is thrown away as a whole: nothing after it may reach a follower that did not get it."""
        self._queues.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    async def serve(self, request: web.Request, opening: Callable[[], AsyncIterator[bytes]]) -> web.StreamResponse:
        """Answers one follower: the lines of ``opening`` first, then what is published from now on.

        The queue is registered before ``opening`` starts, so nothing committed meanwhile is missed; a follower may see
        an entry twice and skips what it knows.
        """
        if self._closed or len(self._queues) >= FOLLOWERS_MAX:
            return empty(503)
        response = _stream()
        queue = _Backlog()
        self._queues.add(queue)
        try:
            await response.prepare(request)
            async for line in opening():
                await _write(response, line + b"\n")
            while (lines := await _next_lines(queue)) is not None:
                await _write(response, lines)
            with contextlib.suppress(ConnectionError):
                await response.write_eof()
        except (ConnectionError, TimeoutError):
            log.debug("a follower of the feed went away")
            _abort(request)
        finally:
            self._queues.discard(queue)
        return response


async def serve_line(request: web.Request, line: bytes) -> web.StreamResponse:
    """Answers a follower that may not follow: this line, and the end."""
    response = _stream()
    await response.prepare(request)
    await response.write_eof(line + b"\n")
    return response


def _stream() -> web.StreamResponse:
    return web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})


async def _next_lines(queue: asyncio.Queue[bytes | None]) -> bytes | None:
    """All that waits, or a beat when nothing came for a while; None at the end."""
    try:
        async with asyncio.timeout(BEAT_SECONDS):
            line = await queue.get()
    except TimeoutError:
        return b'{"beat":true}\n'
    lines = [line]
    while not queue.empty():
        lines.append(queue.get_nowait())
    # Behind what was thrown away comes the end: with it goes what was taken out before.
    return None if None in lines else b"".join(b"%b\n" % each for each in lines if each is not None)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """Raises ``TimeoutError`` when the follower does not read: it must not keep what waits for it for ever."""
    async with asyncio.timeout(SILENCE_SECONDS):
        await response.write(data)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _none() -> str | None:
    return None


class FeedFollower:
    """Follows the feed of one of several nodes for ever; the next address is tried when one does not answer.

    ``position`` gives ``(ordinal, hash)`` of what was applied last, or None at the start. ``apply`` is awaited for each
    line in order. A ``FeedError`` in it ends the connection; any other exception ends the follower (the supervisor then
    reports it): it is never swallowed. ``on_heard`` gets an address once a line of it was taken in. ``better`` is
    asked when a connection brought nothing but beats for a while; it may give another address to turn to.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        addresses: Callable[[], Sequence[str]],
        position: Callable[[], tuple[int, str] | None],
        apply: Callable[[Line], Awaitable[None]],
        *,
        name: str,
        beat: Callable[[], None] = lambda: None,
        on_heard: Callable[[str], None] = lambda _: None,
        better: Callable[[], Awaitable[str | None]] = _none,
    ) -> None:
        self._http = http
        self._addresses = addresses
        self._position = position
        self._apply = apply
        self._name = name
        self._beat = beat
        self._on_heard = on_heard
        self._better = better
        self._problems: dict[str, str] = {}
        self._turn_to: str | None = None
        self.connected_to: str | None = None

    async def run(self) -> None:
        retry_seconds = RETRY_FIRST_SECONDS
        address: str | None = None
        while True:
            addresses = self._addresses()
            if address not in addresses:
                address = addresses[0] if addresses else None
            if address is not None and await self._follow(address):
                retry_seconds = RETRY_FIRST_SECONDS
                address, self._turn_to = self._turn_to or address, None
            elif address is not None:
                address = addresses[(addresses.index(address) + 1) % len(addresses)]
            self._beat()
            await asyncio.sleep(retry_seconds)
            retry_seconds = min(retry_seconds * 2, RETRY_LAST_SECONDS)

    async def _follow(self, address: str) -> bool:
        """One connection from open to close; True when lines came, and all of them could be taken in."""
        position = self._position()
        query = {} if position is None else {"after": str(position[0]), "hash": position[1]}
        timeout = aiohttp.ClientTimeout(total=None, connect=5, sock_read=SILENCE_SECONDS)
        heard = False
        try:
            async with self._http.get(f"{address}/ottochain/feed", params=query, timeout=timeout) as response:
                if response.status != 200:
                    return False
                self.connected_to = address
                silent = False
                async for line in _lines(response):
                    self._beat()
                    told = _decoded(line)
                    await self._apply(told)
                    if not heard:
                        heard = True
                        self._problems.pop(address, None)
                        self._on_heard(address)
                    if silent and "beat" in told and (turn_to := await self._better()) is not None:
                        self._turn_to = turn_to
                        break
                    silent = "beat" in told
        except FeedError as error:
            heard = False
            if str(error) != self._problems.get(address):
                self._problems[address] = str(error)
                log.error("the feed of %s at %s: %s", self._name, address, error)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.debug("the feed of %s ended: %s", self._name, type(error).__name__)
        finally:
            if self.connected_to is not None:
                log.info("lost the feed of %s at %s", self._name, address)
            self.connected_to = None
        return heard


def _decoded(line: bytes) -> Line:
    """The value of a line, numbers with all their digits: what a follower shows must be what is on the chain."""
    try:
        value = exact_json.loads(line)
    except JsonError as error:
        raise FeedError(f"a line is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise FeedError(f"a line is no object but {type(value).__name__}")
    return value


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Splits a body into lines without the stream reader's own limit, which is meant for short ones."""
    rest: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            rest.append(chunk[start:end])
            yield b"".join(rest)
            rest, size = [], 0
            start = end + 1
        if start < len(chunk):
            rest.append(chunk[start:])
            size += len(chunk) - start
            if size > LINE_BYTES_MAX:
                raise aiohttp.ClientPayloadError(f"a line of the feed exceeds {LINE_BYTES_MAX} bytes")
