"""How much a listener takes on at once: connections, and the bytes of bodies. What is too much gets a 503.

An idle connection gives way to a new one, the longest idle first: whoever opens connections and says nothing, or a
header a minute, keeps nobody out. Only where every connection is at work a new one is turned away.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Final, Literal

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

ListenerName = Literal["public", "p2p", "cli"]

CONNECTIONS_MAX: Final[dict[ListenerName, int]] = {"public": 1024, "p2p": 512, "cli": 32}
"""Open at once on a listener; fewer where the system gives the process fewer descriptors."""

SHARE_OF_DESCRIPTORS: Final[dict[ListenerName, float]] = {"public": 0.4, "p2p": 0.2, "cli": 0.05}

FAREWELLS_MAX: Final = 64
"""Turned away connections that are still told so; beyond it they are cut off without a word."""

FAREWELL_SECONDS: Final = 1.0

BODIES_BYTES_MAX: Final[dict[ListenerName, int]] = {
    "public": 256 * 1024 * 1024,
    "p2p": 512 * 1024 * 1024,
    "cli": 1024 * 1024,
}
"""Of all bodies that a listener holds at once."""

SMALL_BYTES: Final = 64 * 1024
"""Shorter bodies are not counted: connections are, and these can't be much together."""

_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def connections_max(name: ListenerName) -> int:
    """How many connections a listener of this process takes."""
    given, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if given == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX[name]
    return min(CONNECTIONS_MAX[name], max(8, int(given * SHARE_OF_DESCRIPTORS[name])))


class Doorkeeper:
    """Gives each connection of a listener its protocol; ``most`` of them are served at once."""

    def __init__(self, server: web.Server, most: int) -> None:
        self._server = server
        self._most = most
        self._farewells: set[_Farewell] = set()

    def __call__(self) -> asyncio.Protocol:
        """A factory as ``loop.create_server`` takes it."""
        open_now = self._server.connections
        if len(open_now) < self._most or _close_longest_idle(open_now):
            return self._server()
        return _Farewell(self._farewells)


def _close_longest_idle(connections: list[RequestHandler]) -> bool:
    """Closes the connection that has waited longest for a request; False when each has one at work."""
    idle = [each for each in connections if each._waiter is not None and not each._waiter.done()]
    if not idle:
        return False
    # Set anew with each answer, and by the same time later: the earliest is the one that is idle for longest.
    min(idle, key=lambda each: each._next_keepalive_close_time).force_close()
    return True


class _Farewell(asyncio.Protocol):
    """Says that the node is busy. What the client has still to say is read, or the answer might not reach it."""

    def __init__(self, farewells: set[_Farewell]) -> None:
        self._farewells = farewells
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if len(self._farewells) >= FAREWELLS_MAX:
            transport.abort()
            return
        self._farewells.add(self)
        transport.write(_BUSY)
        if transport.can_write_eof():
            transport.write_eof()
        self._end = asyncio.get_running_loop().call_later(FAREWELL_SECONDS, transport.abort)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._farewells.discard(self)
        if self._end is not None:
            self._end.cancel()


class BodyBudget:
    """The bytes of bodies that a listener holds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    def claim(self, request: web.Request, size: int) -> None:
        """Makes room for the body of a request until it is answered. Raises aiohttp's 503 when there is none."""
        if size <= SMALL_BYTES or _CLAIMED in request:
            return
        if self.held and self.held + size > self._most:
            raise web.HTTPServiceUnavailable
        self.held += size
        request[_CLAIMED] = size

    def release(self, request: web.Request) -> None:
        """The request is answered."""
        self.held -= request.get(_CLAIMED, 0)


BUDGET: Final = web.AppKey("bodies", BodyBudget)
_CLAIMED: Final = web.RequestKey("claimed", int)
