"""Runs a node from start to end: listeners and service; and once more when it restarts within the process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence

from aiohttp import web

from ottochain.crypto.keys import PrivateKey
from ottochain.node.common_routes import CommonRoutes
from ottochain.node.config import NodeConfig
from ottochain.node.gatekeeper import Gatekeeper
from ottochain.node.join_routes import JoinRoutes
from ottochain.node.listeners import CLI_HOST, Binding, Listeners
from ottochain.node.node import Ending, Node
from ottochain.node.service import ServiceFactory
from ottochain.node.surface import Dress, answer_preflight, only_operator, translate_errors

log = logging.getLogger(__name__)

VALIDATOR_MODE = "run-validator"
MODES_WITHOUT_LISTENERS = ("create-genesis",)


def nothing() -> None:
    """What is done by default once a life has begun."""


async def run_lives(
    config: NodeConfig,
    key: PrivateKey,
    create_service: ServiceFactory,
    stopped: asyncio.Event,
    *,
    begun: Callable[[], None] = nothing,
) -> int:
    """Lives the node until it ends for good, or ``stopped`` is set. Returns the process's exit code.

    ``begun`` is called in each life when its service has started. Raises ``PortInUse``, and whatever the service raises
    from ``start``.
    """
    mode, argument = config.mode, config.argument
    while True:
        node = Node(config, key, create_service, may_restart=mode != VALIDATOR_MODE)
        ending = await live(node, mode, argument, stopped, begun)
        if ending.restart_mode is None or stopped.is_set():
            return ending.exit_code
        mode, argument = ending.restart_mode, None


async def live(
    node: Node, mode: str, argument: str | None, stopped: asyncio.Event, begun: Callable[[], None] = nothing
) -> Ending:
    """One life. Returns how it ended; raises what the service's ``start`` raised."""
    listeners = Listeners()
    watcher = asyncio.create_task(_end_when_stopped(node, stopped))
    try:
        if mode not in MODES_WITHOUT_LISTENERS:
            await listeners.start(bindings(node))
            node.ports.update(listeners.ports)
            log.info("listening: public %d, p2p %d, cli %d", *node.ports.values())
        return await _work(node, mode, argument, begun)
    finally:
        watcher.cancel()
        await _close(node, listeners)


async def _work(node: Node, mode: str, argument: str | None, begun: Callable[[], None]) -> Ending:
    """The service starts and works until the node's ending is known; a stop may come before it has started."""
    start = asyncio.create_task(node.service.start(mode, argument))
    node.ended.add_done_callback(lambda _ended: start.cancel())
    await asyncio.wait([start])
    if not start.cancelled() and (error := start.exception()) is not None:
        raise error
    begun()
    if mode in MODES_WITHOUT_LISTENERS:
        node.end(Ending(f"{mode} is done"))
    return await node.ended


async def _end_when_stopped(node: Node, stopped: asyncio.Event) -> None:
    await stopped.wait()
    node.end(Ending("it was told to stop"))


async def _close(node: Node, listeners: Listeners) -> None:
    """In this order: nobody new comes in, peers hear of it, feeds end, requests end, loops end, the store closes."""
    await listeners.stop_accepting()
    await node.announcer.last_words()
    await node.service.stop()
    await node.links.stop()
    await listeners.stop()
    await node.supervisor.stop()
    await node.service.close()
    await node.http.close()


def bindings(node: Node) -> Iterator[Binding]:
    """The three listeners with their routes: the shell's first, then the layer's."""
    common, joining, service, config = CommonRoutes(node), JoinRoutes(node), node.service, node.config

    def dress(*, any_origin: bool, signed: bool) -> Dress:
        return Dress(node.key, node.sessions, any_origin=any_origin, signed=signed)

    def routes(*groups: Sequence[web.RouteDef]) -> list[web.RouteDef]:
        return [route for group in groups for route in group]

    yield Binding(
        name="public",
        host=config.bind_host,
        port=config.public_port,
        routes=routes(common.public(), service.routes("public")),
        middlewares=[answer_preflight, translate_errors],
        on_prepare=dress(any_origin=True, signed=service.signs_public),
    )
    yield Binding(
        name="p2p",
        host=config.bind_host,
        port=config.p2p_port,
        routes=routes(common.p2p(), joining.p2p(), node.links.routes(), service.routes("p2p")),
        middlewares=[translate_errors, Gatekeeper(node.membership, service.has_collateral).middleware()],
        on_prepare=dress(any_origin=False, signed=True),
    )
    yield Binding(
        name="cli",
        host=CLI_HOST,
        port=config.cli_port,
        routes=routes(joining.cli(), service.routes("cli")),
        middlewares=[translate_errors, only_operator],
        on_prepare=dress(any_origin=False, signed=False),
    )
