"""What L1 nodes that make blocks have in common: one durable pool, one store, and lanes on which blocks are made.

Decisions are booked in the pool before any core may forget the items: one transaction for all lanes, with the position
up to which ML0 was followed.
"""

from __future__ import annotations

import logging
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from aiohttp import web

from ottochain.consensus.votes import MessageError
from ottochain.layers.update_block import BlockRule
from ottochain.ledger.transactions import read_transaction
from ottochain.model.errors import ModelError
from ottochain.node.block_rule import UNREADABLE, block_rule
from ottochain.node.bodies import PlainRouteFailure, plain_json
from ottochain.node.datadir import STORE_NAME
from ottochain.node.feed import Line
from ottochain.node.l1 import L1Service
from ottochain.node.l1_lane import Cargo, Lane
from ottochain.node.l1_messages import Envelope, content_of, envelope_of
from ottochain.node.l1_pool import L1Pool
from ottochain.node.listeners import ListenerName
from ottochain.node.membership import Peer
from ottochain.node.node import Node
from ottochain.node.parents import keep_parents
from ottochain.node.responses import json_response
from ottochain.node.service import StartRefused
from ottochain.node.upstream import News
from ottochain.store.database import Database
from ottochain.store.meta import Fact, Identity, Meta, put_fact, put_identity

log = logging.getLogger(__name__)

BACKLOG_MAX: Final = 1_024
"""Events that may wait for a core before no more is read from peers."""

KEEPING_MAX: Final = 64
"""Messages of copies that may be on their way to disk before that."""


class L1BlockService(L1Service, ABC):
    """A layer adds its lanes with ``new_lane``, and says when they begin."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.database = Database.open(node.data_dir / STORE_NAME)
        keep_parents(self.global_view.parents, Fact.GL0_PARENTS, self.database, node.supervisor)
        keep_parents(self.metagraph.parents, Fact.ML0_PARENTS, self.database, node.supervisor)
        self.pool = L1Pool(self.database, node.id, self.fee_of)
        if self.pool.position is not None:
            position = self.pool.position
            self.metagraph.resume(position.ordinal, position.hash, position.validators)
        self.lanes: dict[str, Lane] = {}
        self._rule = block_rule(node.config.l1_peers_file, node.config.l1_block_signatures)
        self._known_rule = BlockRule()
        self._peers: tuple[tuple[str, ...], int] = ((), node.config.l1_block_signatures or 0)
        self._problem = ""
        self._keeping = 0
        self._boots = 0

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        """Adds what a transaction costs: there is no estimator on either layer, so nothing."""
        routes = super().routes(listener)
        return [*routes, web.post("/transactions/estimate-fee", _no_fee)] if listener == "public" else routes

    def new_lane(self, cargo: Cargo) -> Lane:
        """A lane for items of this kind. Call it in the constructor."""
        lane = Lane(self.node, self.pool, cargo, self.metagraph_id, self._parent_url, self._look_at_rule)
        self.lanes[cargo.name] = lane
        return lane

    def _parent_url(self) -> str:
        return self.metagraph.parents.url

    @staticmethod
    def fee_of(kept: bytes) -> str:
        """The hash of the fee that an item pays beside; "" where it pays none, as most do."""
        return ""

    @abstractmethod
    def boot_lanes(self) -> None:
        """The node starts, nothing was heard yet: begin the lanes that can, with ``boot_lane``."""

    @abstractmethod
    def take_news(self, keys: tuple[str, ...], news: News) -> None:
        """ML0 decided these items, and whatever else the news say. They are booked."""

    def boot_lane(
        self, lane: Lane, sequences_of: Callable[[Iterable[str]], Mapping[str, int]], basis: str = ""
    ) -> None:
        """Begins a lane."""
        lane.boot(self._boots, *self._peers, sequences_of, basis)

    async def start(self, mode: str, argument: str | None) -> None:
        """Counts the start, begins the lanes, then as every L1 node."""
        try:
            self._known_rule = self._rule()
        except UNREADABLE as error:
            raise StartRefused(f"the nodes that sign this layer's blocks can't be read: {error}") from error
        self._look_at_peers()
        self._boots = int(Meta(self.database).get(Fact.BOOTS) or "0") + 1
        await self.database.write(self._note_start)
        self.boot_lanes()
        self.node.links.on_message = self._hear
        self.node.links.is_busy = self._is_busy
        self.node.membership.subscribe(lambda _before, _after: self._members_changed())
        await super().start(mode, argument)

    def _note_start(self, connection: sqlite3.Connection) -> None:
        put_identity(connection, Identity(self.layer, self.node.id, metagraph_id=self.metagraph_id))
        put_fact(connection, Fact.BOOTS, str(self._boots))

    async def close(self) -> None:
        """Closes the store."""
        for lane in self.lanes.values():
            lane.stop()
        self.database.close()

    def facts(self) -> dict[str, Any]:
        """Adds the pool."""
        states = [lane.shell.state for lane in self.lanes.values()]
        pool = {
            "items": len(self.pool),
            "waiting": sum(len(state.waiting) for state in states),
            "blocks": sum(len(state.rounds) for state in states),
        }
        return {**super().facts(), "pool": pool, "quorum": max(state.threshold for state in states)}

    # What ML0 says.

    async def heard(self, line: Line) -> None:
        """Books decisions before the cores may forget the items."""
        if "state" in line:
            for lane in self.lanes.values():
                lane.ml0_up()
        news = self.metagraph.apply_line(line)
        keys = await self.pool.decide(news.outcomes, news.position)
        self.take_news(keys, news)
        for refused in news.refused:
            for lane in self.lanes.values():
                lane.refused(refused)

    # Peers.

    def _members_changed(self) -> None:
        self._look_at_rule()
        self._look_at_peers()

    def _peers_now(self) -> tuple[tuple[str, ...], int]:
        """Which peers can be asked to sign a block, and how many nodes must sign it.

        Where there is a file of the layer's nodes it says both: a peer that ML0 knows nothing of is not asked.
        """
        ready, rule = sorted(peer.id for peer in self.node.membership.ready()), self._known_rule
        if rule.members is None:
            return tuple(ready), self.node.config.l1_block_signatures or 0
        return tuple(peer for peer in ready if peer in rule.members), rule.threshold

    def _look_at_rule(self) -> None:
        """Looks whether there is another rule now. While it can't be read the one before holds."""
        try:
            rule, self._problem = self._rule(), ""
        except UNREADABLE as error:
            if str(error) != self._problem:
                self._problem = str(error)
                log.error("the nodes that sign this layer's blocks can't be read: %s", error)
            return
        if rule is not self._known_rule:
            self._known_rule = rule
            self._look_at_peers()

    def _look_at_peers(self) -> None:
        """Tells the cores when others make the blocks now."""
        peers = self._peers_now()
        if peers != self._peers:
            self._peers = peers
            for lane in self.lanes.values():
                lane.peers_changed(*peers)

    def _hear(self, peer: Peer, body: bytes) -> None:
        try:
            envelope = envelope_of(body)
            lane = self.lanes.get(envelope.lane)
            if lane is None:
                return
            if envelope.has_message or not (envelope.copies or envelope.withdrawn):
                lane.hear(peer.id, *content_of(envelope))
        except MessageError as error:
            log.warning("%s sent what is no L1 message: %s", peer.id[:8], error)
            return
        if envelope.copies or envelope.withdrawn:
            self._keeping += 1
            self.node.supervisor.background("keep copies", self._take_copies(lane, peer.id, envelope))

    def _is_busy(self) -> bool:
        """Do more events of peers wait than the cores and the disk can take in soon?"""
        return self._keeping >= KEEPING_MAX or any(lane.shell.backlog >= BACKLOG_MAX for lane in self.lanes.values())

    async def _take_copies(self, lane: Lane, sender: str, envelope: Envelope) -> None:
        try:
            await lane.copies.take(sender, envelope.copies, envelope.ordinal, room=lambda: self.pool.full is None)
            await lane.copies.let_go(sender, envelope.withdrawn)
        finally:
            self._keeping -= 1


async def _no_fee(request: web.Request) -> web.Response:
    try:
        read_transaction(await plain_json(request))
    except ModelError as error:
        raise PlainRouteFailure(str(error)) from error
    return json_response({"fee": 0})
