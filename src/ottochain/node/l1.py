"""What both L1 layers do: follow ML0 and GL0. Blocks (``l1_blocks.py``), and what goes into them, are added to that.

Source of the routes and run modes: Tessellation, ``CurrencyL1App.scala``; of the
block rounds: ``consensus/l1_block.py``.
"""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import web

from ottochain.model.node_state import NodeState
from ottochain.node.feed import Line
from ottochain.node.following import follower_of
from ottochain.node.listeners import ListenerName
from ottochain.node.node import Node
from ottochain.node.responses import json_response
from ottochain.node.service import METAGRAPH_CLUSTER_ID
from ottochain.node.upstream import GlobalView, MetagraphView

log = logging.getLogger(__name__)


class L1Service:
    """The base of CL1's and DL1's services."""

    cluster_id = METAGRAPH_CLUSTER_ID
    state_after_joining = NodeState.READY
    signs_public = False

    def __init__(self, node: Node) -> None:
        self.node = node
        self.layer = node.config.layer
        config = node.config
        assert config.l0_peer is not None
        assert config.global_l0_peer is not None
        assert config.token_identifier is not None
        self.metagraph_id = config.token_identifier
        self.global_view = GlobalView(config.global_l0_peer, self.metagraph_id)
        self.metagraph = MetagraphView(config.l0_peer, self.metagraph_id, with_state=self.layer == "dl1")

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        """``/l0/peers``; each layer adds its own."""
        return [web.get("/l0/peers", self._l0_peers)] if listener == "public" else []

    async def start(self, mode: str, argument: str | None) -> None:
        """Follows the layers above, then founds the layer or waits for the join call."""
        node = self.node
        node.supervisor.loop("follow gl0", follower_of(node, self.global_view, self.global_view.apply, "gl0").run())
        node.supervisor.loop("follow ml0", follower_of(node, self.metagraph, self.heard, "ml0").run())
        node.ready_to_join()
        if mode == "run-initial-validator":
            node.found_session()

    async def heard(self, line: Line) -> None:
        """A line of ML0's feed."""
        self.metagraph.apply_line(line)

    async def on_joined(self) -> None:
        """Nothing to download: the node is Ready."""

    async def on_leaving(self) -> None:
        """What is in the pool stays there, on disk."""

    async def stop(self) -> None:
        """No request stays open here."""

    async def close(self) -> None:
        """Nothing to close."""

    def has_collateral(self, peer_id: str) -> bool:
        """Any peer may take part: the default collateral of these layers is 0."""
        return True

    def consensus_peers(self) -> tuple[int, frozenset[str]] | None:
        """L1 layers have no snapshot rounds."""
        return None

    def facts(self) -> dict[str, Any]:
        """What this node follows."""
        return {
            "ordinal": self.metagraph.ordinal,
            "ordinalSeconds": self.metagraph.age.seconds,
            "hash": self.metagraph.hash,
            "diverged": self.metagraph.diverged or self.global_view.diverged,
            "metagraphId": self.metagraph_id,
            "globalOrdinal": self.global_view.ordinal,
            "confirmedOrdinal": self.global_view.confirmed_ordinal,
        }

    async def _l0_peers(self, _: web.Request) -> web.Response:
        peers = self.metagraph.parents.peers
        return json_response([{"id": peer.id, "ip": peer.host, "port": peer.port} for peer in peers])
