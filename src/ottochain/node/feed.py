"""The feed: how a node pushes what it committed to those who follow it.

``GET /ottochain/feed?after=N&hash=H`` on the public listener of GL0 and ML0 answers newline-delimited JSON and stays
open. The first line is a ``state`` (what a follower needs to start from), preceded by an ``entry`` for each ordinal
after N that the follower missed; from then on one ``entry`` per committed snapshot, and a ``beat`` when nothing
happened for a while, so that a dead connection is noticed. A follower whose N and H are not on this chain gets a single
``diverged`` line: it must not go on silently.

Nothing here is part of Tessellation: the reference polls. Followers check every entry's certificate themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import aiohttp
import orjson
from aiohttp import web

log = logging.getLogger(__name__)

BEAT_SECONDS = 15.0
SILENCE_SECONDS = 3 * BEAT_SECONDS
"""A follower that heard nothing for this long takes the connection for dead."""

RETRY_FIRST_SECONDS = 0.02
RETRY_LAST_SECONDS = 2.0

BACKLOG_LIMIT = 512
"""Lines waiting for one slow follower; beyond it the connection is closed and the follower comes back by itself."""

LINE_BYTES_MAX = 64 * 1024 * 1024

Line = Mapping[str, Any]


class FeedHub:
    """Fans the lines of one node out to its open connections."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()

    @property
    def followers(self) -> int:
        return len(self._queues)

    def publish(self, line: bytes) -> None:
        """Queues one encoded line (without its newline) for every follower."""
        for queue in tuple(self._queues):
            if queue.full():
                self._queues.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(line)

    def close(self) -> None:
        """Ends every connection, so that the listener can stop."""
        for queue in tuple(self._queues):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)
        self._queues.clear()

    async def serve(self, request: web.Request, opening: Callable[[], AsyncIterator[bytes]]) -> web.StreamResponse:
        """Answers one follower: the lines of ``opening`` first, then what is published from now on.

        The queue is registered before ``opening`` starts, so nothing committed meanwhile is missed; a follower may see
        an entry twice and skips what it knows.
        """
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(BACKLOG_LIMIT)
        self._queues.add(queue)
        try:
            await response.prepare(request)
            async for line in opening():
                await response.write(line + b"\n")
            while True:
                next_line: bytes | None
                try:
                    async with asyncio.timeout(BEAT_SECONDS):
                        next_line = await queue.get()
                except TimeoutError:
                    next_line = b'{"beat":true}'
                lines: list[bytes] = []
                while next_line is not None:
                    lines.append(next_line)
                    if queue.empty():
                        break
                    next_line = queue.get_nowait()
                if lines:
                    await response.write(b"\n".join(lines) + b"\n")
                if next_line is None:
                    break
            with contextlib.suppress(ConnectionError):
                await response.write_eof()
        except ConnectionError:
            log.debug("a follower of the feed went away")
        finally:
            self._queues.discard(queue)
        return response


class FeedFollower:
    """Follows the feed of one of several nodes for ever; the next address is tried when one does not answer.

    ``position`` gives ``(ordinal, hash)`` of what was applied last, or None at the start. ``apply`` is awaited for each
    line in order; an exception in it ends the follower (the supervisor then reports it): it is never swallowed.
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
    ) -> None:
        self._http = http
        self._addresses = addresses
        self._position = position
        self._apply = apply
        self._name = name
        self._beat = beat
        self.connected_to: str | None = None

    async def run(self) -> None:
        retry_seconds = RETRY_FIRST_SECONDS
        turn = 0
        while True:
            addresses = self._addresses()
            heard = False
            if addresses:
                heard = await self._follow(addresses[turn % len(addresses)])
            self._beat()
            if heard:
                retry_seconds = RETRY_FIRST_SECONDS
            else:
                turn += 1
                await asyncio.sleep(retry_seconds)
                retry_seconds = min(retry_seconds * 2, RETRY_LAST_SECONDS)

    async def _follow(self, address: str) -> bool:
        """One connection from open to close; True when at least one line came."""
        position = self._position()
        query = {} if position is None else {"after": str(position[0]), "hash": position[1]}
        timeout = aiohttp.ClientTimeout(total=None, connect=5, sock_read=SILENCE_SECONDS)
        heard = False
        try:
            async with self._http.get(f"{address}/ottochain/feed", params=query, timeout=timeout) as response:
                if response.status != 200:
                    return False
                self.connected_to = address
                async for line in _lines(response):
                    heard = True
                    self._beat()
                    await self._apply(orjson.loads(line))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.debug("the feed of %s ended: %s", self._name, type(error).__name__)
        finally:
            if self.connected_to is not None:
                log.info("lost the feed of %s at %s", self._name, address)
            self.connected_to = None
        return heard


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
