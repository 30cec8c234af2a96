"""Nodes of the shell alone, several in one event loop, on loopback ports that the system chooses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp

from node.plain_service import PlainService
from ottochain.crypto.keys import PrivateKey
from ottochain.model.node_state import NodeState
from ottochain.node.config import NodeConfig
from ottochain.node.life import live
from ottochain.node.membership import Contact
from ottochain.node.node import Ending, Node

PATIENCE_SECONDS = 10.0


def make_config(layer: str, mode: str, directory: Path, **changes: Any) -> NodeConfig:
    fields: dict[str, Any] = {
        "layer": layer,
        "mode": mode,
        "argument": None,
        "data_dir": directory,
        "keystore": directory / "key.p12",
        "key_alias": "alias",
        "password": "password",
        "environment": "dev",
        "external_ip": "127.0.0.1",
        "bind_host": "127.0.0.1",
        "public_port": 0,
        "p2p_port": 0,
        "cli_port": 0,
        "collateral": None,
        "seedlist": None,
        "starting_epoch_progress": 0,
        "l0_peer": None,
        "global_l0_peer": None,
        "token_identifier": None,
        "log_file": None,
        "time_trigger_seconds": 43.0,
        "leaving_delay_seconds": 0.0,
        "restart_delay_seconds": 0.0,
        "l1_block_interval_seconds": 0.0,
        "l1_peers_file": None,
        "l1_block_signatures": None,
        "cl1_peers_file": None,
        "cl1_block_signatures": None,
        "release_digest": None,
        "operator_peer_id": None,
    }
    return NodeConfig(**(fields | changes))


class Running:
    """One node that lives."""

    def __init__(self, node: Node, http: aiohttp.ClientSession) -> None:
        self.node = node
        self.http = http
        self.stopped = asyncio.Event()
        self.life: asyncio.Task[Ending] | None = None

    @property
    def service(self) -> PlainService:
        service = self.node.service
        assert isinstance(service, PlainService)
        return service

    @property
    def state(self) -> NodeState:
        return self.node.lifecycle.state

    @property
    def contact(self) -> Contact:
        return Contact(self.node.id, "127.0.0.1", self.node.ports["p2p"])

    def url(self, path: str, listener: str = "public") -> str:
        return f"http://127.0.0.1:{self.node.ports[listener]}{path}"  # type: ignore[index]

    async def get(self, path: str, listener: str = "public", **options: Any) -> tuple[int, bytes]:
        async with self.http.get(self.url(path, listener), **options) as response:
            return response.status, await response.read()

    async def json(self, path: str) -> Any:
        async with self.http.get(self.url(path)) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def post(self, path: str, listener: str = "public", **options: Any) -> tuple[int, bytes]:
        async with self.http.post(self.url(path, listener), **options) as response:
            return response.status, await response.read()

    async def join(self, target: Contact) -> tuple[int, bytes]:
        return await self.post("/cluster/join", "cli", json=target.to_json())

    async def reached(self, *states: NodeState) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.node.lifecycle.reached(*states)

    async def stop(self) -> Ending:
        self.stopped.set()
        assert self.life is not None
        return await self.life


class Network:
    """Starts nodes and stops what is left of them."""

    def __init__(self, directory: Path, http: aiohttp.ClientSession) -> None:
        self._directory = directory
        self._http = http
        self._running: list[Running] = []

    async def start(
        self, layer: str = "dl1", mode: str = "run-validator", key: PrivateKey | None = None, **changes: Any
    ) -> Running:
        """A node whose listeners are up and whose service has started."""
        config = make_config(layer, mode, self._directory, **changes)
        node = Node(config, key or PrivateKey.generate(), PlainService, may_restart=mode != "run-validator")
        running = Running(node, self._http)
        running.life = asyncio.create_task(live(node, mode, None, running.stopped))
        self._running.append(running)
        waiting = asyncio.create_task(node.lifecycle.reached(NodeState.READY, NodeState.READY_TO_JOIN))
        await asyncio.wait([waiting, running.life], return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            await running.life
        return running

    async def founder(self, layer: str = "dl1", **changes: Any) -> Running:
        return await self.start(layer, "run-genesis" if layer == "gl0" else "run-initial-validator", **changes)

    async def cluster(self, size: int, layer: str = "dl1") -> list[Running]:
        """A founder and ``size - 1`` nodes that joined it one after another, all knowing each other."""
        nodes = [await self.founder(layer)]
        for _ in range(size - 1):
            joiner = await self.start(layer)
            assert (await joiner.join(nodes[0].contact))[0] == 200
            await joiner.reached(NodeState.READY)
            nodes.append(joiner)
        await until(lambda: all(len(n.node.membership.ready()) == size - 1 for n in nodes))
        return nodes

    async def stop(self) -> None:
        for running in self._running:
            if running.life is not None and not running.life.done():
                await running.stop()


@contextlib.asynccontextmanager
async def network(directory: Path) -> AsyncIterator[Network]:
    async with aiohttp.ClientSession() as http:
        nodes = Network(directory, http)
        try:
            yield nodes
        finally:
            await nodes.stop()


async def until(true: Callable[[], bool]) -> None:
    """Waits for a condition with a deadline."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():  # noqa: ASYNC110  the condition is anything
            await asyncio.sleep(0.005)
