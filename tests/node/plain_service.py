"""The least service a node can carry: enough to test the shell alone."""

from __future__ import annotations

import itertools
from typing import Any

from aiohttp import web

from ottochain.model.node_state import LOAD_GENESIS, NodeState
from ottochain.node import bodies
from ottochain.node.listeners import ListenerName
from ottochain.node.node import Node
from ottochain.node.responses import json_response
from ottochain.node.service import GLOBAL_CLUSTER_ID, METAGRAPH_CLUSTER_ID


class PlainService:
    """Founds or waits to join; after a join it is Ready at once, on L0 layers by way of every state."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.layer = node.config.layer
        self.cluster_id = GLOBAL_CLUSTER_ID if self.layer == "gl0" else METAGRAPH_CLUSTER_ID
        self.signs_public = node.config.is_l0
        self.state_after_joining = NodeState.WAITING_FOR_DOWNLOAD if node.config.is_l0 else NodeState.READY
        self.events: list[str] = []
        self.poor: set[str] = set()

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        return {
            "public": [web.post("/echo", self._echo), web.get("/boom", self._boom)],
            "p2p": [web.post("/echo", self._echo)],
            "cli": [],
        }[listener]

    async def _echo(self, request: web.Request) -> web.Response:
        return json_response(await bodies.plain_json(request))

    async def _boom(self, _request: web.Request) -> web.Response:
        raise RuntimeError("a secret of the node's inside")

    async def start(self, mode: str, argument: str | None) -> None:
        self.events.append(f"start {mode}")
        node = self.node
        match mode:
            case "run-genesis":
                with node.lifecycle.passing(LOAD_GENESIS):
                    pass
                node.found_session()
            case "run-initial-validator":
                node.ready_to_join()
                node.found_session()
            case "run-validator":
                node.ready_to_join()
            case "create-genesis":
                (node.data_dir / "genesis.snapshot").write_text(str(argument))
            case _:
                raise ValueError(f"no mode {mode} here")

    async def on_joined(self) -> None:
        self.events.append("joined")
        move = self.node.lifecycle.move
        if self.node.config.is_l0:
            path = [
                NodeState.WAITING_FOR_DOWNLOAD,
                NodeState.DOWNLOAD_IN_PROGRESS,
                NodeState.WAITING_FOR_OBSERVING,
                NodeState.OBSERVING,
                NodeState.WAITING_FOR_READY,
                NodeState.READY,
            ]
            for before, after in itertools.pairwise(path):
                move(before, after)

    async def on_leaving(self) -> None:
        self.events.append("leaving")

    async def stop(self) -> None:
        self.events.append("stop")

    async def close(self) -> None:
        self.events.append("close")

    def has_collateral(self, peer_id: str) -> bool:
        return peer_id not in self.poor

    def consensus_peers(self) -> tuple[int, frozenset[str]] | None:
        return (7, frozenset({self.node.id})) if self.node.config.is_l0 else None

    def facts(self) -> dict[str, Any]:
        return {"ordinal": 7, "pool": {"waiting": 0}}
