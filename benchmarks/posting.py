"""Posting JSON over kept-alive connections, as cheaply as Python can: what the load costs is taken from the stack.

A general client spends three times as much on each request. This one knows a single kind of request, and answers
that have a length, which all of ours have.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, cast
from urllib.parse import urlsplit

HEADER_END: Final = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one, but not by descent

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the connection was closed before the answer was complete"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(HEADER_END)
        if end < 0:
            return
        head = self._received[:end]
        size = int(head.lower().partition(b"\r\ncontent-length:")[2].split(b"\r\n", 1)[0] or 0)
        start = end + len(HEADER_END)
        if len(self._received) < start + size:
            return
        body, self._received = self._received[start : start + size], self._received[start + size :]
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head[9:12]), body))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises ``ConnectionError``."""
        assert self._transport is not None
        if self._transport.is_closing():
            raise ConnectionError("the connection is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    @property
    def is_open(self) -> bool:
        """Can it be asked again?"""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Close it, whatever is under way."""
        if self._transport is not None:
            self._transport.close()


class Poster:
    """A few connections to one URL; who finds none free waits for one, first come first served."""

    def __init__(self, url: str, connections: int) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._address = parts.hostname, parts.port
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode()
        self._left = connections
        self._idle: deque[Connection] = deque()
        self._all: list[Connection] = []
        self._queue: deque[asyncio.Future[None]] = deque()

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises ``ConnectionError`` or ``OSError``."""
        connection = await self._free()
        try:
            return await connection.ask(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        finally:
            if connection.is_open:
                self._idle.append(connection)
            else:
                self._left += 1
            while self._queue:
                waiting = self._queue.popleft()
                if not waiting.done():
                    waiting.set_result(None)
                    break

    async def _free(self) -> Connection:
        while not self._idle:
            if self._left:
                self._left -= 1
                try:
                    _, connection = await asyncio.get_running_loop().create_connection(Connection, *self._address)
                except OSError:
                    self._left += 1
                    raise
                self._all.append(connection)
                return connection
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queue.append(waiting)
            await waiting
        return self._idle.popleft()

    def close(self) -> None:
        """Close all connections."""
        for connection in self._all:
            connection.close()
