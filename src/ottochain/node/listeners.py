"""The three listeners of a node: public, p2p and cli, in one event loop.

The cli listener is bound to the loopback interface and nothing else, whatever is configured: whoever can reach it can
make the node join or leave.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from ottochain.node.doorkeeper import (
    BODIES_BYTES_MAX,
    BUDGET,
    BodyBudget,
    Doorkeeper,
    ListenerName,
    connections_max,
)

__all__ = ["LISTENERS", "Binding", "ListenerName", "Listeners", "PortInUse"]

LISTENERS: Final[tuple[ListenerName, ...]] = ("public", "p2p", "cli")

CLI_HOST: Final = "127.0.0.1"

BODY_BYTES_MAX: Final[dict[ListenerName, int]] = {
    "public": 16 * 1024 * 1024,
    "p2p": 64 * 1024 * 1024,
    "cli": 64 * 1024,
}
"""Longer bodies get 413. What comes beyond is thrown away as it arrives and never held."""

KEEP_ALIVE_SECONDS: Final[dict[ListenerName, float]] = {"public": 300.0, "p2p": 3600.0, "cli": 75.0}
"""How long a connection may stay idle, or dawdle over its headers; above the clients' own limits."""

SHUTDOWN_SECONDS: Final = 1.0
"""How long open requests may go on once the node stops (Tessellation, ``http.scala``)."""

_LINGER_SECONDS: Final = 2.0
_BACKLOG: Final = 1024


class PortInUse(Exception):  # noqa: N818  what happened
    """A listener's port is taken."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Where one listener shall listen and what it serves. Port 0 lets the system choose."""

    name: ListenerName
    host: str
    port: int
    routes: Sequence[web.RouteDef]
    middlewares: Sequence[Any]
    on_prepare: Any


class Listeners:
    """Started and stopped together."""

    def __init__(self) -> None:
        self._runners: list[web.AppRunner] = []
        self.ports: dict[ListenerName, int] = {}

    async def start(self, bindings: Iterable[Binding]) -> None:
        """Raises ``PortInUse``; then none is left open."""
        try:
            for binding in bindings:
                self.ports[binding.name] = await self._open(binding)
        except BaseException:
            await self.stop()
            raise

    async def _open(self, binding: Binding) -> int:
        application = web.Application(
            middlewares=list(binding.middlewares), client_max_size=BODY_BYTES_MAX[binding.name]
        )
        application.add_routes(map(without_head, binding.routes))
        application.on_response_prepare.append(binding.on_prepare)
        application[BUDGET] = BodyBudget(BODIES_BYTES_MAX[binding.name])
        runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=KEEP_ALIVE_SECONDS[binding.name],
            lingering_time=_LINGER_SECONDS,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        self._runners.append(runner)
        site = _Site(runner, binding, connections_max(binding.name))
        try:
            await site.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(f"port {binding.port} on {binding.host} ({binding.name} listener) is in use") from error
            raise
        return int(runner.addresses[0][1])

    async def stop_accepting(self) -> None:
        """No new connections; those open go on."""
        for runner in self._runners:
            for site in tuple(runner.sites):
                await site.stop()

    async def stop(self) -> None:
        """Closes everything; a request still running after ``SHUTDOWN_SECONDS`` is cut off."""
        runners, self._runners = self._runners, []
        for runner in runners:
            await runner.cleanup()


class _Site(web.TCPSite):
    """One that asks a doorkeeper before it serves a connection."""

    def __init__(self, runner: web.AppRunner, binding: Binding, most: int) -> None:
        super().__init__(runner, binding.host, binding.port, backlog=_BACKLOG, reuse_address=True)
        self._binding = binding
        self._most = most

    async def start(self) -> None:
        await web.BaseSite.start(self)
        assert self._runner.server is not None
        self._server = await asyncio.get_running_loop().create_server(
            Doorkeeper(self._runner.server, self._most),
            self._binding.host,
            self._binding.port,
            backlog=_BACKLOG,
            reuse_address=True,
        )
        self._bound_port = self._server.sockets[0].getsockname()[1]


def without_head(route: web.RouteDef) -> web.RouteDef:
    """A route that answers GET does not answer HEAD, as in the reference (http4s)."""
    if route.method != "GET":
        return route
    return web.RouteDef(route.method, route.path, route.handler, {**route.kwargs, "allow_head": False})
