"""DL1: takes updates in, and brings them into ML0's snapshots in blocks that enough of its nodes hold.

Source of the routes: Tessellation, ``CurrencyL1App.scala`` with a data application; of the block rounds:
``consensus/l1_block.py``.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import Any, Final

import aiohttp
from aiohttp import web

from ottochain.codec import exact_json
from ottochain.consensus.l1_block import L1Config, initial
from ottochain.consensus.l1_effects import (
    Arrived,
    BlockRefused,
    Decisions,
    KeepItems,
    L1Boot,
    L1Message,
    L1Received,
    L1Send,
    L1Validate,
    L1Validated,
    Ml0Up,
    Offer,
    PeersChanged,
    Release,
    Submit,
)
from ottochain.consensus.l1_items import Block, Item
from ottochain.consensus.votes import Chain, MessageError
from ottochain.crypto.proofs import Proof
from ottochain.fibers.state import OnChain
from ottochain.layers.certificates import verify_statement
from ottochain.model.json_text import array_text, object_text
from ottochain.model.signed import signed_text
from ottochain.node.data_routes import data_routes
from ottochain.node.datadir import STORE_NAME
from ottochain.node.feed import Line
from ottochain.node.l1 import L1Service
from ottochain.node.l1_messages import Offers, enveloped, opened, same_name
from ottochain.node.l1_pool import Held, L1Pool
from ottochain.node.l1_shell import L1Shell
from ottochain.node.listeners import ListenerName
from ottochain.node.membership import Peer
from ottochain.node.node import Node
from ottochain.node.ottochain_routes import dl1_routes
from ottochain.store.database import Database
from ottochain.store.meta import Fact, Identity, Meta, put_fact, put_identity

log = logging.getLogger(__name__)

SUBMIT_SECONDS: Final = 10.0
BLOCK_BYTES_MAX: Final = 1024 * 1024
"""The contents of one block, unless it holds but one update."""

ASK_SECONDS: Final = 3.0


def create(node: Node) -> DataL1Service:
    """The service of a DL1 node."""
    return DataL1Service(node)


class DataL1Service(L1Service):
    """The pool, the blocks, and the routes of ``/data``."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.database = Database.open(node.data_dir / STORE_NAME)
        self.pool = L1Pool(self.database, node.id)
        if self.pool.position is not None:
            self.metagraph.resume(self.pool.position.ordinal, self.pool.position.hash)
        config = L1Config(
            me=node.id, chain=Chain(self.metagraph_id, 0, self.layer), sign=node.key.sign_hash, verify=verify_statement
        )
        self.shell = L1Shell(initial(config), self, beat=lambda: node.supervisor.beat("blocks"))
        self._arrived: list[Item] = []
        self._offers = Offers()
        self._peer_ids: tuple[str, ...] = ()

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        """Adds ``/data`` and OttoChain's routes."""
        routes = super().routes(listener)
        return [*routes, *data_routes(self), *dl1_routes(self.on_chain)] if listener == "public" else routes

    async def start(self, mode: str, argument: str | None) -> None:
        """Boots the core from the durable pool, then as every L1 node."""
        boots = int(Meta(self.database).get(Fact.BOOTS) or "0") + 1
        await self.database.write(lambda connection: self._note_start(connection, boots))
        items = tuple(held.item for held in self.pool.held.values())
        if items:
            log.info("%d acknowledged updates wait in the pool", len(items))
        self.shell.tell(L1Boot(boots, items, threshold=self.node.config.l1_block_signatures or 0))
        self.node.links.on_message = self._hear
        self.node.membership.subscribe(lambda _before, _after: self._peers_changed())
        self.node.supervisor.loop("blocks", self.shell.run())
        await super().start(mode, argument)

    def _note_start(self, connection: sqlite3.Connection, boots: int) -> None:
        put_identity(connection, Identity(self.layer, self.node.id, metagraph_id=self.metagraph_id))
        put_fact(connection, Fact.BOOTS, str(boots))

    async def close(self) -> None:
        """Closes the store."""
        self.database.close()

    def facts(self) -> dict[str, Any]:
        """Adds the pool."""
        state = self.shell.state
        pool = {"items": len(self.pool), "waiting": len(state.waiting), "blocks": len(state.rounds)}
        return {**super().facts(), "pool": pool, "quorum": state.threshold}

    # What the routes ask.

    def global_ordinal(self) -> int | None:
        """The newest GL0 ordinal heard of."""
        return self.global_view.ordinal

    def on_chain(self) -> OnChain | None:
        """The newest on-chain state heard of."""
        return self.metagraph.on_chain

    def arrived(self, item: Item) -> None:
        """Everything that became durable in this tick goes to the core at once."""
        self._arrived.append(item)
        if len(self._arrived) == 1:
            asyncio.get_running_loop().call_soon(self._tell_arrived)

    def _tell_arrived(self) -> None:
        arrived, self._arrived = self._arrived, []
        # What was decided while it was written must not come to the core behind its decision.
        items = tuple(item for item in arrived if item.key in self.pool.held)
        if items:
            self.shell.tell(Arrived(items, self.metagraph.sequences_of(item.fiber for item in items)))

    async def elsewhere(self, update_hash: str) -> dict[str, Any] | None:
        """Asks ML0, which remembers every outcome."""
        url = f"{self.metagraph.parent.url}/ottochain/data/{update_hash}"
        try:
            async with self.node.http.get(url, timeout=aiohttp.ClientTimeout(total=ASK_SECONDS)) as response:
                return await response.json() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None

    # What ML0 says.

    async def heard(self, line: Line) -> None:
        """Books decisions before the core may forget the items."""
        if "state" in line:
            self.shell.tell(Ml0Up())
        news = self.metagraph.apply_line(line)
        keys = await self.pool.decide(news.outcomes, news.position)
        if keys or news.sequences:
            self.shell.tell(Decisions(keys, dict(news.sequences)))
        for refused in news.refused:
            block = self._block_of_round(refused.round_id)
            if block is not None:
                self.shell.tell(BlockRefused(block, refused.guilty, refused.reason))

    def _block_of_round(self, round_id: str) -> str | None:
        return next((name for name in self.shell.state.rounds if round_id_of(name) == round_id), None)

    # What the core asks for.

    async def keep(self, ask: KeepItems) -> None:
        """Writes a peer's items with their contents; those a client brought here meanwhile are durable already."""
        contents = self._offers.claim(ask.block)
        missing = [item for item in ask.items if item.key not in self.pool.held]
        undecided = [item for item in missing if not self.pool.outcomes.is_decided(item.key, item.after)]
        await self.pool.keep([contents[item.key] for item in undecided])

    def validate(self, ask: L1Validate) -> L1Validated:
        """Every item must be what its name says, signed by whom it says, and undecided."""
        block = ask.block.id()
        contents = self._offers.of(block)
        guilty = tuple(item.key for item in ask.block.items if not self._is_good(item, contents.get(item.key)))
        self._offers.judged(block, good=not guilty)
        reason = "not at hand, not signed, or decided already" if guilty else ""
        return L1Validated(block, not guilty, guilty, reason)

    def _is_good(self, item: Item, offered: Held | None) -> bool:
        held = self.pool.held.get(item.key)
        if held is not None:
            return same_name(held.item, item)
        return (
            offered is not None
            and same_name(offered.item, item)
            and not self.pool.outcomes.is_decided(item.key, item.after)
        )

    async def release(self, ask: Release) -> None:
        """The pool let go of them when their outcome was booked; there is nothing left to delete."""

    def send(self, ask: L1Send) -> None:
        """Queues a message on the peer's link; what is lost is offered again."""
        if isinstance(ask.message, Offer) and self._is_given_up(ask.message.block):
            return
        self.node.links.send(ask.to, enveloped(ask.message, self._contents_for(ask.message)))

    def _contents_for(self, message: L1Message) -> list[bytes]:
        return [self.pool.held[item.key].signed for item in message.block.items] if isinstance(message, Offer) else []

    def submit(self, ask: Submit) -> None:
        """Posts a block to ML0."""
        if not self._is_given_up(ask.block):
            self.node.supervisor.background("submit", self._submit(self._wire_block(ask)))

    def _is_given_up(self, block: Block) -> bool:
        """A block can't go on when a part of it was decided in another one, or when it is too heavy for links and ML0's
        door: then it is proposed again in halves. One of a single update is never too heavy.
        """
        gone = tuple(item.key for item in block.items if item.key not in self.pool.held)
        if gone:
            self.shell.tell(BlockRefused(block.id(), gone, "decided already"))
            return True
        size = sum(len(self.pool.held[item.key].signed) for item in block.items)
        if size > BLOCK_BYTES_MAX and len(block.items) > 1:
            self.shell.tell(BlockRefused(block.id(), (), f"{size} bytes are too many for one block"))
            return True
        return False

    # Peers.

    def _peers_changed(self) -> None:
        ready = tuple(sorted(peer.id for peer in self.node.membership.ready()))
        if ready != self._peer_ids:
            self._peer_ids = ready
            self.shell.tell(PeersChanged(ready, self.node.config.l1_block_signatures or 0))

    def _hear(self, peer: Peer, body: bytes) -> None:
        try:
            message, contents = opened(body)
        except MessageError as error:
            log.warning("%s sent what is no L1 message: %s", peer.id[:8], error)
            return
        if isinstance(message, Offer) and message.block.proposer == peer.id:
            self._offers.take(message, contents, self.pool.held)
        self.shell.tell(L1Received(message))

    # ML0.

    def _wire_block(self, ask: Submit) -> bytes:
        """The signed data block as ML0 takes it."""
        items = ask.block.items
        value = [
            ("roundId", exact_json.dumps(round_id_of(ask.block.id()))),
            ("dataTransactions", array_text(b"[%b]" % self.pool.held[item.key].signed for item in items)),
            ("dataTransactionsHashes", exact_json.dumps([[item.hash] for item in items])),
            ("after", exact_json.dumps({item.key: item.after for item in items if item.after})),
        ]
        proofs = [Proof(signature.id, signature.signature) for signature in ask.signatures]
        return signed_text(object_text(value), proofs)

    async def _submit(self, body: bytes) -> None:
        url = f"{self.metagraph.parent.url}/currency/l1-data-output"
        headers = {"Content-Type": "application/json"}
        timeout = aiohttp.ClientTimeout(total=SUBMIT_SECONDS)
        try:
            async with self.node.http.post(url, data=body, headers=headers, timeout=timeout) as response:
                if response.status != 200:
                    log.warning("ML0 answered %d to a block; it will be sent again", response.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("ML0 did not take a block: %s; it will be sent again", type(error).__name__)


def round_id_of(block: str) -> str:
    """The UUID under which a block travels to ML0: the first half of its name."""
    return f"{block[:8]}-{block[8:12]}-{block[12:16]}-{block[16:20]}-{block[20:32]}"
