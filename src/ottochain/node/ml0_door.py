"""The door of ML0: blocks and messages come in from the L1 layers and from other validators, and are kept.

200 says that what came is durable here. What is none, or not signed as it must be, gets 400; what can't be taken now
gets 503 and may come again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol

from aiohttp import web

from ottochain.layers.token_event import TokenEvent
from ottochain.layers.update_block import BlockRule, UpdateBlock
from ottochain.model.errors import ModelError
from ottochain.node import ml0_feed
from ottochain.node.block_rule import UNREADABLE, block_rule
from ottochain.node.bodies import judged, read
from ottochain.node.config import NodeConfig
from ottochain.node.data_routes import decided_json, outcome_json
from ottochain.node.feed import FeedHub
from ottochain.node.l0_frames import Spread
from ottochain.node.l0_transport import ValidatorTransport
from ottochain.node.membership import Peer
from ottochain.node.ml0_blocks import Waiting, WaitingBlocks
from ottochain.node.responses import empty, json_bytes, json_response
from ottochain.node.snapshot_routes import NOT_READY
from ottochain.store.blocks import Received, put_received
from ottochain.store.database import Database
from ottochain.store.outcomes import Outcomes

log = logging.getLogger(__name__)

BLOCK_EVENT: Final = "block"
TOKEN_EVENT: Final = "tokens"  # noqa: S105  a kind of event


class Behind(Protocol):
    """What stands behind the door."""

    state: Any
    database: Database
    outcomes: Outcomes
    feed: FeedHub
    transport: ValidatorTransport

    def wake(self) -> None:
        """Something waits for the next snapshot."""


class NotSigned(ModelError):  # noqa: N818  what happened
    """A block is not signed as it must be. ``asks``: it is signed well by too few nodes of its L1, as one is whose
    nodes but one know already what became of its updates."""

    def __init__(self, block: Waiting, rule: BlockRule, violation: str) -> None:
        super().__init__(f"block {block.round_id}: {violation}")
        self.block = block
        self.asks = replace(rule, threshold=1).violation(block) is None


class BlockDoor:
    """Checks what comes, and keeps it in ``waiting`` and on disk."""

    def __init__(self, behind: Behind, waiting: WaitingBlocks, config: NodeConfig) -> None:
        self._behind = behind
        self._waiting = waiting
        self.block_rule = block_rule(config.l1_peers_file, config.l1_block_signatures)
        self.token_rule = block_rule(config.cl1_peers_file, config.cl1_block_signatures)

    @property
    def is_shut(self) -> bool:
        """Is there no chain yet, or does as much wait as may?"""
        return self._behind.state is None or self._waiting.full

    async def take_block(self, request: web.Request) -> web.Response:
        """A data block from DL1."""
        body = await read(request)
        try:
            block = await judged(body, self._checked_block)
        except ModelError as error:
            self.refuse(error)
            return empty(400)
        except UNREADABLE as error:
            log.error("whose blocks are taken can't be read: %s", error)
            return json_bytes(NOT_READY, 503)
        if self.is_shut:
            return json_bytes(NOT_READY, 503)
        await self.keep(block, body, BLOCK_EVENT)
        return empty(200)

    async def outcome(self, request: web.Request) -> web.Response:
        """What became of an update, for L1 nodes that don't know."""
        update_hash = request.match_info["hash"]
        if self._waiting.holds_update(update_hash):
            return json_response(outcome_json(update_hash, "Waiting"))
        found = decided_json(update_hash, self._behind.outcomes.of_hash(update_hash))
        return empty(404) if found is None else json_response(found)

    async def keep(self, block: Waiting, body: bytes, kind: str) -> None:
        """Keeps what an L1 node or a client brought, and gives it to the other validators."""
        self._tell_decided(block)
        if self._waiting.is_kept(block.round_id) or self._is_decided(block):
            return
        received = Received(block.round_id, block.proofs[0].id, body)
        await self._behind.database.write(lambda connection: put_received(connection, [received]))
        is_news = block.round_id not in self._waiting
        self._waiting.add(block)
        if is_news:
            self._behind.wake()
            self._behind.transport.spread(Spread(kind, block.proofs[0].id, body))

    async def take_spread(self, peer: Peer, event: Spread) -> None:
        """Another validator took a block or a message: it belongs into this pool, too. That one has it on disk, and the
        L1 sends it again until it is decided: here memory is enough."""
        checks: dict[str, Callable[[bytes], Waiting]] = {
            BLOCK_EVENT: self._checked_block,
            TOKEN_EVENT: self._checked_event,
        }
        check = checks.get(event.kind)
        if check is None or self.is_shut:
            return
        try:
            block = await judged(event.body, check)
        except (ModelError, *UNREADABLE) as error:
            log.warning("%s spread what is no block: %s", peer.id[:8], error)
            return
        if block.round_id not in self._waiting and not self._is_decided(block):
            self._waiting.add(block, kept=False)
            self._behind.wake()

    def refuse(self, error: ModelError) -> None:
        """Says why a block is not taken; and to an L1 node that is alone with it, what became of what is in it: nobody
        else of its L1 will sign that with it, for they know."""
        log.warning("refused a block: %s", error)
        if isinstance(error, NotSigned) and error.asks and not self.is_shut:
            self._tell_decided(error.block)

    def check_signers(self, event: TokenEvent) -> None:
        """Raises ``NotSigned`` for a block that not enough nodes of its L1 signed. A message has its own rules."""
        if event.updates:
            _check_signed(event, self.token_rule())

    def _checked_event(self, body: bytes) -> TokenEvent:
        event = TokenEvent.from_bytes(body)
        self.check_signers(event)
        return event

    def _checked_block(self, body: bytes) -> UpdateBlock:
        """The block of these bytes. Raises ``ModelError`` when it is none, ``NotSigned`` when too few signed it."""
        block = UpdateBlock.from_bytes(body)
        _check_signed(block, self.block_rule())
        return block

    def _is_decided(self, block: Waiting) -> bool:
        """Is there nothing left in it to decide?"""
        keys = block.keys
        return bool(keys) and all(self._behind.outcomes.is_decided(key, block.after_of(key)) for key in keys)

    def _tell_decided(self, block: Waiting) -> None:
        """The L1 that still asks for decided updates may have missed what became of them."""
        found = [self._behind.outcomes.of_key(key, block.after_of(key)) for key in block.keys]
        decided = [outcome for outcome in found if outcome is not None]
        if decided:
            self._behind.feed.publish(ml0_feed.decided_line(decided))


def _check_signed(block: Waiting, rule: BlockRule) -> None:
    violation = rule.violation(block)
    if violation:
        raise NotSigned(block, rule, violation)
