"""CL1 and DL1: they follow ML0 and GL0; DL1 takes updates in and brings them into ML0's snapshots.

Source of the routes and run modes: Tessellation, ``CurrencyL1App.scala``; of the
block rounds: ``consensus/l1_block.py``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import web

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
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
    Offer,
    PeersChanged,
    Release,
    Submit,
    decode_l1_message,
    encode_l1_message,
)
from ottochain.consensus.l1_items import Item
from ottochain.consensus.votes import Chain, MessageError
from ottochain.crypto.proofs import verify_all
from ottochain.fibers.errors import DecodeError
from ottochain.fibers.messages import target_sequence_number_of
from ottochain.fibers.state import OnChain
from ottochain.fibers.updates import SignedUpdate
from ottochain.layers.certificates import verify_statement
from ottochain.model.node_state import NodeState
from ottochain.node.bodies import DEPTH_MAX, PlainRouteFailure, read
from ottochain.node.data_routes import data_routes
from ottochain.node.datadir import STORE_NAME
from ottochain.node.feed import FeedFollower, Line
from ottochain.node.gatekeeper import peer_of
from ottochain.node.l1_pool import Held, L1Pool
from ottochain.node.l1_shell import L1Shell
from ottochain.node.listeners import ListenerName
from ottochain.node.membership import Peer
from ottochain.node.node import Node
from ottochain.node.ottochain_routes import dl1_routes
from ottochain.node.peer_client import PeerError
from ottochain.node.responses import json_bytes, json_response
from ottochain.node.service import METAGRAPH_CLUSTER_ID
from ottochain.node.upstream import GlobalView, MetagraphView
from ottochain.store.database import Database
from ottochain.store.meta import Fact, Identity, Meta, put_fact, put_identity

log = logging.getLogger(__name__)

MESSAGE_PATH: Final = "/ottochain/l1"
SUBMIT_SECONDS: Final = 10.0
ASK_SECONDS: Final = 3.0


class Envelope(msgspec.Struct):
    """A message between L1 nodes, with the contents of the items it offers (signed wire JSON)."""

    message: msgspec.Raw
    updates: list[msgspec.Raw] = []


_envelope_decoder = msgspec.json.Decoder(Envelope)


def create(node: Node) -> L1Service:
    """The service of a CL1 or DL1 node."""
    return DataL1Service(node) if node.config.layer == "dl1" else L1Service(node)


class L1Service:
    """What both L1 layers do: follow the layers above. CL1 does no more yet."""

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
        self.metagraph = MetagraphView(config.l0_peer, self.metagraph_id)

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        """``/l0/peers``; DL1 adds its own."""
        return [web.get("/l0/peers", self._l0_peers)] if listener == "public" else []

    async def start(self, mode: str, argument: str | None) -> None:
        """Follows the layers above, then founds the layer or waits for the join call."""
        node = self.node
        node.supervisor.loop("follow gl0", self._follow(self.global_view, "gl0", self.global_view.apply).run())
        node.supervisor.loop("follow ml0", self._follow(self.metagraph, "ml0", self.heard).run())
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
            "hash": self.metagraph.hash,
            "diverged": self.metagraph.diverged or self.global_view.diverged,
            "metagraphId": self.metagraph_id,
            "globalOrdinal": self.global_view.ordinal,
            "confirmedOrdinal": self.global_view.confirmed_ordinal,
        }

    def _follow(self, view: GlobalView | MetagraphView, name: str, apply: Any) -> FeedFollower:
        return FeedFollower(
            self.node.http,
            lambda: [view.parent.url],
            lambda: view.position,
            apply,
            name=name,
            beat=lambda: self.node.supervisor.beat(f"follow {name}"),
        )

    async def _l0_peers(self, _: web.Request) -> web.Response:
        parent = self.metagraph.parent
        return json_response([{"id": parent.id, "ip": parent.host, "port": parent.port}])


class DataL1Service(L1Service):
    """DL1: the pool, the blocks, and the routes of ``/data``."""

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
        self._offered: dict[str, Held] = {}
        self._peer_ids: tuple[str, ...] = ()

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        """Adds ``/data``, OttoChain's routes, and the messages of peers."""
        routes = super().routes(listener)
        if listener == "public":
            return [*routes, *data_routes(self), *dl1_routes(self.on_chain)]
        if listener == "p2p":
            return [*routes, web.post(MESSAGE_PATH, self._hear)]
        return routes

    async def start(self, mode: str, argument: str | None) -> None:
        """Boots the core from the durable pool, then as every L1 node."""
        await self.database.write(self._note_start)
        boots = int(Meta(self.database).get(Fact.BOOTS) or "0")
        items = tuple(held.item for held in self.pool.held.values())
        if items:
            log.info("%d acknowledged updates wait in the pool", len(items))
        self.shell.tell(L1Boot(boots, items, threshold=self.node.config.l1_block_signatures or 0))
        self.node.membership.subscribe(lambda _before, _after: self._peers_changed())
        self.node.supervisor.loop("blocks", self.shell.run())
        await super().start(mode, argument)

    def _note_start(self, connection: Any) -> None:
        put_identity(connection, Identity(self.layer, self.node.id, metagraph_id=self.metagraph_id))
        boots = int(Meta(self.database).get(Fact.BOOTS) or "0")
        put_fact(connection, Fact.BOOTS, str(boots + 1))

    async def stop(self) -> None:
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
        items, self._arrived = tuple(self._arrived), []
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
        """Writes a peer's items with their contents."""
        await self.pool.keep(Held(item, self._offered[item.key].signed) for item in ask.items)

    def validate(self, ask: L1Validate) -> L1Validated:
        """Every item must be what its name says, signed by whom it says, and undecided."""
        guilty = tuple(item.key for item in ask.block.items if not self._is_good(item))
        reason = "not held, not signed, or decided already" if guilty else ""
        return L1Validated(ask.block.id(), not guilty, guilty, reason)

    def _is_good(self, item: Item) -> bool:
        if (held := self.pool.held.get(item.key)) is not None:
            return same_name(held.item, item)
        offered = self._offered.get(item.key)
        return offered is not None and same_name(offered.item, item) and not self.pool.outcomes.is_decided(item.key)

    async def release(self, ask: Release) -> None:
        """The pool let go of them when their outcome was booked; there is nothing left to delete."""

    def send(self, ask: L1Send) -> None:
        """Posts a message to a peer; what comes back is heard as if the peer had sent it."""
        peer = self.node.membership.get(ask.to)
        if peer is not None:
            self.node.supervisor.background(f"tell {peer.id[:8]}", self._tell_peer(peer, self._enveloped(ask.message)))

    def submit(self, ask: Submit) -> None:
        """Posts a block to ML0."""
        body = self._wire_block(ask)
        if body is not None:
            self.node.supervisor.background("submit", self._submit(body))

    # Peers.

    def _peers_changed(self) -> None:
        ready = tuple(sorted(peer.id for peer in self.node.membership.ready()))
        if ready != self._peer_ids:
            self._peer_ids = ready
            self.shell.tell(PeersChanged(ready, self.node.config.l1_block_signatures or 0))

    def _enveloped(self, message: L1Message) -> bytes:
        updates: Sequence[bytes] = ()
        if isinstance(message, Offer):
            updates = [self.pool.held[i.key].signed for i in message.block.items if i.key in self.pool.held]
        return b'{"message":%b,"updates":[%b]}' % (encode_l1_message(message), b",".join(updates))

    async def _tell_peer(self, peer: Peer, body: bytes) -> None:
        try:
            answer = await self.node.peers.post(peer, MESSAGE_PATH, body)
            for raw in msgspec.json.decode(answer.body, type=list[msgspec.Raw]):
                self.shell.tell(L1Received(decode_l1_message(bytes(raw))))
        except (PeerError, MessageError, msgspec.MsgspecError) as error:
            log.debug("%s did not answer: %s", peer.id[:8], error)

    async def _hear(self, request: web.Request) -> web.Response:
        peer = peer_of(request)
        try:
            envelope = _envelope_decoder.decode(await read(request))
            message = decode_l1_message(bytes(envelope.message))
        except (msgspec.MsgspecError, MessageError, RecursionError) as error:
            raise PlainRouteFailure(f"not an L1 message: {error}") from error
        mine: list[str] = []
        if isinstance(message, Offer):
            mine = self._take_contents(message, envelope.updates)
        try:
            replies = await self.shell.hear(peer.id, message)
        finally:
            for key in mine:
                self._offered.pop(key, None)
        return json_bytes(b"[%b]" % b",".join(encode_l1_message(reply) for reply in replies))

    def _take_contents(self, message: Offer, updates: Sequence[msgspec.Raw]) -> list[str]:
        """Decodes and checks what came with an offer; keeps it until the offer is answered."""
        items = {item.key: item for item in message.block.items}
        taken = []
        for raw in updates:
            update = signed_update(bytes(raw))
            item = None if update is None else items.get(update.key)
            if update is None or item is None or item.key in self._offered or item.key in self.pool.held:
                continue
            named = Item(
                update.key,
                update.hash,
                update.fiber_id,
                target_sequence_number_of(update.message),
                item.arrival,
                item.origin,
            )
            self._offered[item.key] = Held(named, exact_json.dumps(update.to_json()))
            taken.append(item.key)
        return taken

    # ML0.

    def _wire_block(self, ask: Submit) -> bytes | None:
        """The signed data block; None when an item was decided meanwhile, which ends the round anyway."""
        held = [self.pool.held.get(item.key) for item in ask.block.items]
        if None in held:
            return None
        proofs = [{"id": proof.id, "signature": proof.signature} for proof in sorted(ask.signatures)]
        return b'{"value":{"roundId":"%b","dataTransactions":[%b],"dataTransactionsHashes":%b},"proofs":%b}' % (
            round_id_of(ask.block.id()).encode(),
            b",".join(b"[%b]" % each.signed for each in held if each is not None),
            exact_json.dumps([[item.hash] for item in ask.block.items]),
            exact_json.dumps(proofs),
        )

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


def same_name(ours: Item, theirs: Item) -> bool:
    """Do both name the same update? Arrival and origin are each node's own."""
    return (ours.key, ours.hash, ours.fiber, ours.sequence) == (
        theirs.key,
        theirs.hash,
        theirs.fiber,
        theirs.sequence,
    )


def signed_update(raw: bytes) -> SignedUpdate | None:
    """The update of its wire JSON, when it is one and its proofs verify."""
    try:
        update = SignedUpdate.from_json(exact_json.loads(raw, max_depth=DEPTH_MAX))
    except (JsonError, DecodeError):
        return None
    return update if verify_all(update.hash, update.proofs) else None
