"""GL0, ML0, CL1 and DL1 nodes with their real services, in one event loop, on loopback.

A node that comes back listens where it did before, because the layers below know its address. ``image`` copies a store
as a kill would leave it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp

from layers.metagraph import create
from node.network import PATIENCE_SECONDS, Running, make_config, until
from ottochain.codec import exact_json
from ottochain.crypto.keys import PrivateKey
from ottochain.fibers import SignedUpdate
from ottochain.ledger.items import SignedItem
from ottochain.model.node_state import NodeState
from ottochain.node.cl1 import CurrencyL1Service
from ottochain.node.config import ParentPeer
from ottochain.node.datadir import STORE_NAME
from ottochain.node.dl1 import DataL1Service
from ottochain.node.gl0 import Gl0Service
from ottochain.node.l1_blocks import L1BlockService
from ottochain.node.life import live
from ottochain.node.ml0 import Ml0Service
from ottochain.node.node import Node
from ottochain.node.service import service_factory

KEYS = {
    name: PrivateKey.from_hex(f"{number:02x}" * 32)
    for number, name in enumerate(("gl0", "ml0", "dl1", "dl1-1", "dl1-2", "cl1", "cl1-1", "cl1-2"), start=0x61)
}
BALANCES = "DAG0d6yzQqBZTCnq7kB9hL8p4cCiFejfM5m6FBJB,1000\n"


@dataclass
class Layered:
    """A network in ``directory``: start its nodes by name, in the order of the layers."""

    directory: Path
    http: aiohttp.ClientSession
    time_trigger_seconds: float = 43.0
    l1_block_signatures: int | None = None
    balances_csv: str = BALANCES
    token: str | None = None
    running: dict[str, Running] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)

    @property
    def gl0(self) -> Gl0Service:
        return cast(Gl0Service, self.running["gl0"].node.service)

    @property
    def ml0(self) -> Ml0Service:
        return cast(Ml0Service, self.running["ml0"].node.service)

    def dl1(self, name: str = "dl1") -> DataL1Service:
        return cast(DataL1Service, self.running[name].node.service)

    def cl1(self, name: str = "cl1") -> CurrencyL1Service:
        return cast(CurrencyL1Service, self.running[name].node.service)

    def data_dir(self, name: str) -> Path:
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path

    async def found(self, *, l1: int = 1) -> None:
        """GL0, the metagraph's genesis, ML0, and a cluster of DL1 nodes."""
        await self.found_l0()
        await self.start_l1(l1)

    async def found_l0(self) -> None:
        """GL0, the metagraph's genesis, and ML0."""
        await self.start("gl0", "run-genesis", str(self.balances()))
        await self.create_genesis()
        await self.start("ml0", "run-genesis", str(self.data_dir("ml0") / "genesis.snapshot"))

    async def start_l1(self, nodes: int, layer: str = "dl1") -> None:
        """A cluster of DL1 or CL1 nodes that have heard ML0."""
        await self.start(layer, "run-initial-validator")
        for number in range(1, nodes):
            await self.join(f"{layer}-{number}", layer)
        cluster = [running.node for name, running in self.running.items() if name.startswith(layer)]
        services = [cast(L1BlockService, node.service) for node in cluster]
        await until(
            lambda: (
                all(len(node.membership.ready()) == nodes - 1 for node in cluster)
                and all(lane.booted for service in services for lane in service.lanes.values())
                and all(service.metagraph.currency is not None for service in services)
            )
        )

    async def join(self, name: str, target: str) -> None:
        joiner = await self.start(name, "run-validator")
        assert (await joiner.join(self.running[target].contact))[0] == 200
        await joiner.reached(NodeState.READY)

    def balances(self) -> Path:
        path = self.directory / "balances.csv"
        path.write_text(self.balances_csv)
        return path

    async def create_genesis(self) -> str:
        path = self.data_dir("ml0") / "balances.csv"
        path.write_text(self.balances_csv)
        maker = self.make("ml0", "create-genesis")
        await live(maker, "create-genesis", str(path), asyncio.Event())
        self.token = (path.parent / "genesis.address").read_text()
        return self.token

    async def start(self, name: str, mode: str, argument: str | None = None, **changes: Any) -> Running:
        """A node in state Ready or ReadyToJoin. Raises what its start raised."""
        node = self.make(name, mode, **changes)
        running = Running(node, self.http)
        running.life = asyncio.create_task(live(node, mode, argument, running.stopped))
        waiting = asyncio.create_task(node.lifecycle.reached(NodeState.READY, NodeState.READY_TO_JOIN))
        await asyncio.wait([waiting, running.life], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_SECONDS)
        if not waiting.done():
            waiting.cancel()
            if not running.life.done():
                running.stopped.set()
            await running.life
            raise AssertionError(f"{name} {mode} did not become ready")
        self.running[name] = running
        return running

    async def resume(self, name: str, **changes: Any) -> Running:
        """Goes on with the chain in its data directory; an L1 node founds its cluster anew."""
        mode = "run-rollback" if name in ("gl0", "ml0") else "run-initial-validator"
        return await self.start(name, mode, **changes)

    async def stop(self, *names: str) -> None:
        for name in names:
            await self.running.pop(name).stop()

    def make(self, name: str, mode: str, **changes: Any) -> Node:
        layer = name.partition("-")[0]
        if name not in self._ports:
            self._ports[name] = free_port()
        changes = {"public_port": self._ports[name], "time_trigger_seconds": self.time_trigger_seconds} | changes
        if layer != "gl0":
            changes.setdefault("l1_block_signatures", self.l1_block_signatures)
        if layer == "ml0":
            changes.setdefault("cl1_block_signatures", self.l1_block_signatures)
        if layer != "gl0":
            changes.setdefault("global_l0_peer", self.parent("gl0"))
        if layer in ("cl1", "dl1"):
            changes.setdefault("l0_peer", self.parent("ml0"))
        if mode not in ("create-genesis", "run-genesis") and layer != "gl0":
            changes.setdefault("token_identifier", self.token)
        config = make_config(layer, mode, self.data_dir(name), **changes)
        return Node(config, KEYS[name], service_factory(layer), may_restart=False)

    def parent(self, name: str) -> ParentPeer:
        if name not in self._ports:
            self._ports[name] = free_port()
        return ParentPeer(KEYS[name].peer_id, "127.0.0.1", self._ports[name])

    async def send(self, update: SignedUpdate, name: str = "dl1") -> tuple[int, Any]:
        """Posts an update to a DL1 node."""
        status, body = await self.running[name].post("/data", data=exact_json.dumps(update.to_json()))
        return status, exact_json.loads(body) if body else None

    async def acknowledged(self, *updates: SignedUpdate, name: str = "dl1") -> None:
        """Posts updates, all of which must be taken."""
        for status, body in await asyncio.gather(*(self.send(update, name) for update in updates)):
            assert status == 200, body

    async def create(self, *numbers: int, name: str = "dl1") -> None:
        """Creates counters and waits until ML0 has them."""
        updates = [create(number) for number in numbers]
        await self.acknowledged(*updates, name=name)
        await self.until_decided(*updates)

    async def until_decided(self, *updates: SignedUpdate | SignedItem[Any]) -> None:
        """Until ML0 has decided them, and shows the state after it."""

        def decided(update: SignedUpdate | SignedItem[Any]) -> bool:
            outcome = self.ml0.outcomes.of_key(update.key)
            return outcome is not None and outcome.ordinal <= self.ml0.head_ordinal()

        await until(lambda: all(map(decided, updates)))

    async def until_confirmed(self) -> None:
        """Until GL0 holds all of ML0's snapshots, and ML0 knows."""
        await until(lambda: self.ml0.channel.outbox.depth() == 0)

    def image(self, name: str, target: Path) -> None:
        """The store as it would be found after a kill at this instant."""
        for path in self.data_dir(name).glob(f"{STORE_NAME}*"):
            if not path.name.endswith("-shm"):
                shutil.copy2(path, target / path.name)

    async def close(self) -> None:
        for name in reversed(list(self.running)):
            with contextlib.suppress(Exception):
                await self.running[name].stop()


@contextlib.asynccontextmanager
async def layered(directory: Path, **settings: Any) -> AsyncIterator[Layered]:
    async with aiohttp.ClientSession() as http:
        network = Layered(directory, http, **settings)
        try:
            yield network
        finally:
            await network.close()


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def settled(true: Callable[[], bool], seconds: float = 0.3) -> None:
    """Checks that something holds, and goes on to hold for a while."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        assert true()
        await asyncio.sleep(0.01)
