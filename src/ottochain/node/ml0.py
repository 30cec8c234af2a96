"""ML0: takes blocks from the L1 layers, makes the metagraph's snapshots, and sees them into GL0's.

Source of routes and run modes: Tessellation, ``CurrencyL0App.scala``; what a snapshot is: ``layers/ml0.py``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from ottochain.codec import exact_json
from ottochain.consensus.votes import Chain as VotingChain
from ottochain.consensus.votes import Trigger
from ottochain.fibers import FiberState, genesis
from ottochain.layers import ml0
from ottochain.layers.delivery import read_founding
from ottochain.layers.judging import Fault
from ottochain.layers.ml0_built import Built, RefusedBlock
from ottochain.layers.ml0_state import Ml0State
from ottochain.layers.token_event import TokenEvent
from ottochain.layers.token_tally import TokenRules
from ottochain.layers.update_block import UpdateBlock
from ottochain.layers.verified import VerifiedProofs
from ottochain.ledger.block_rules import BlockTerms
from ottochain.ledger.memory import SoundItems
from ottochain.model.binary import Binary
from ottochain.model.errors import ModelError
from ottochain.model.header import Header
from ottochain.model.node_state import LOAD_GENESIS, ROLL_BACK
from ottochain.node import ml0_feed, ml0_webhooks
from ottochain.node import ml0_founding as founding
from ottochain.node.gl0_founding import balances_of, founders_proofs
from ottochain.node.l0 import L0Service
from ottochain.node.l0_frames import Spread
from ottochain.node.l0_terms import ChainProblem, Head, stored_snapshot
from ottochain.node.listeners import ListenerName
from ottochain.node.membership import Peer
from ottochain.node.ml0_blocks import EARLY_PATIENCE_SECONDS, WaitingBlocks, read_waiting
from ottochain.node.ml0_channel import StateChannel, outbox_row
from ottochain.node.ml0_door import TOKEN_EVENT, BlockDoor
from ottochain.node.ml0_keeping import load, parts_of, rows_of
from ottochain.node.node import Node
from ottochain.node.ottochain_routes import ml0_routes
from ottochain.node.service import METAGRAPH_CLUSTER_ID
from ottochain.node.token_routes import TokenFaults, token_routes
from ottochain.node.wallet_routes import wallet_routes
from ottochain.node.webhooks import Webhooks
from ottochain.store.blocks import remove_received
from ottochain.store.chain import Committed as StoredSnapshot
from ottochain.store.commit import Commit
from ottochain.store.meta import Fact, put_fact
from ottochain.store.outcomes import Outcome, Outcomes

log = logging.getLogger(__name__)

SNAPSHOT_BYTES_MAX: Final = 64 * 1024 * 1024
"""What the embedded GL0 takes; the reference's is 512,000 and ends a metagraph at a few thousand fibers."""


def create(node: Node) -> Ml0Service:
    """The service of an ML0 node."""
    return Ml0Service(node)


class Ml0Service(L0Service[Ml0State, Built]):
    """ML0's own part of an L0 node."""

    layer = "ml0"
    cluster_id = METAGRAPH_CLUSTER_ID
    prefix = "snapshots"
    serves_full_genesis = False

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.outcomes = Outcomes(self.database)
        self.channel = StateChannel(node, self.database, self._founding)
        self.webhooks = Webhooks(self._save_webhooks, json.loads(self.meta.get(Fact.WEBHOOKS) or "[]"))
        tokens = TokenRules(BlockTerms(sound=SoundItems()))
        self._rules = ml0.Ml0Rules(snapshot_bytes_max=SNAPSHOT_BYTES_MAX, tokens=tokens)
        self._knowledge = ml0.Knowledge(self.outcomes.is_decided, VerifiedProofs(), self._rules)
        self._waiting = WaitingBlocks(time.monotonic)
        self._early_timer: asyncio.TimerHandle | None = None
        self.door = BlockDoor(self, self._waiting, node.config)
        self.token_faults = TokenFaults()

    # Starting.

    async def start(self, mode: str, argument: str | None) -> None:
        """Founds the chain, goes on with it, or waits to join; ``create-genesis`` only makes the files."""
        lifecycle = self.node.lifecycle
        if mode == "create-genesis":
            await self._create_genesis(Path(argument or ""))
        elif mode == "run-genesis":
            with lifecycle.passing(LOAD_GENESIS):
                state = await self._found(Path(argument or ""))
            await self._take_up(state)
        elif mode == "run-rollback":
            with lifecycle.passing(ROLL_BACK):
                state = self.require_chain()
                self._check_identity(state)
                await self._check_confirmed(state)
            await self._take_up(state)
        else:
            self.channel.follow()
            self.wait_to_join()

    async def _create_genesis(self, csv: Path) -> None:
        """Makes ``genesis.snapshot`` and ``genesis.address`` beside the balances; what is there already stays."""
        if (made := founding.finish_genesis(csv.parent)) is not None:
            log.info("the genesis of %s exists already", made)
            return
        balances = balances_of(csv)
        await self.channel.first_word()
        view = self.channel.view.sync_view()
        assert view is not None
        content = founding.create_genesis(balances, view, self.node.key)
        log.info("made the genesis of %s", founding.write_genesis(csv.parent, content))

    async def _found(self, path: Path) -> Ml0State:
        self.require_empty_store()
        genesis = founding.genesis_of(path)
        if genesis.signers != (self.node.id,):
            raise ChainProblem(f"{path} was signed by {genesis.signers[0][:16]}…, not by this node's key")
        founded_by = founding.founding_of(genesis, self.node.config.operator_peer_id)
        started = founding.start_chain(genesis, founded_by, self.node.key, ())
        signed = founded_by.signed([self.node.key])
        await self.write_beginning(signed, genesis.metagraph_id, started.commits)
        log.info("founded metagraph %s", genesis.metagraph_id)
        return started.state

    async def adopt(self, signed_founding: dict[str, Any], genesis: StoredSnapshot, first: StoredSnapshot) -> Ml0State:
        """Takes over the beginning of the cluster's chain."""
        begun = founding.read_genesis(genesis.body)
        founded_by = read_founding(signed_founding, begun.founded.genesis_hash, begun.signers)
        if not founded_by.chain.chain_id == begun.metagraph_id == self.node.config.token_identifier:
            raise ModelError(f"the chain is that of metagraph {begun.metagraph_id}, another one is configured")
        proofs = founders_proofs(first, first.hash, founded_by.validators)
        started = founding.start_chain(begun, founded_by, self.node.key, proofs)
        await self.write_beginning(signed_founding, begun.metagraph_id, started.commits, adopted=True)
        return started.state

    def _check_identity(self, state: Ml0State) -> None:
        wanted = self.node.config.token_identifier
        if wanted is not None and wanted != state.chain.chain_id:
            raise ChainProblem(
                f"this data directory holds metagraph {state.chain.chain_id}, the node is configured for {wanted}:"
                " start it in the right directory, or correct CL_L0_TOKEN_IDENTIFIER"
            )

    async def _check_confirmed(self, state: Ml0State) -> None:
        try:
            await self.channel.check(state.chain.chain_id, state.ordinal)
        except ChainProblem:
            self.diverged = True
            raise

    async def _take_up(self, state: Ml0State) -> None:
        self.go_on(state)
        self.node.found_session()

    def go_on(self, state: Ml0State) -> None:
        """Takes up the chain, with the blocks that waited and the binaries that GL0 does not hold."""
        for received in self.received.items():
            self._waiting.add(read_waiting(received.signed))
        self.resume(state, VotingChain(state.chain.chain_id, state.chain.incarnation, self.layer))
        self.channel.open(state.chain.chain_id, state.validators.next)

    async def close(self) -> None:
        """Stops sending, then as every L0 node."""
        self.channel.close()
        if self._early_timer is not None:
            self._early_timer.cancel()
        await self.webhooks.close()
        await super().close()

    # Routes.

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        """Adds the doors for L1 blocks and messages, the tokens' routes and OttoChain's."""
        routes = super().routes(listener)
        if listener != "public":
            return routes
        return [
            *routes,
            web.post("/currency/l1-data-output", self.door.take_block),
            web.get("/ottochain/data/{hash}", self.door.outcome),
            *token_routes(self),
            *wallet_routes("currency", self._balances),
            *ml0_routes(self, lambda: self.webhooks),
        ]

    def take_pool_event(self, peer: Peer, event: Spread) -> None:
        """Another validator took a block or a message."""
        self.node.supervisor.background("take a block", self.door.take_spread(peer, event))

    def check_signers(self, event: TokenEvent) -> None:
        """Raises ``ModelError`` for a block that not enough nodes of its L1 signed."""
        self.door.check_signers(event)

    def refuse(self, error: ModelError) -> None:
        """Says why a block is not taken, and what became of what is in it."""
        self.door.refuse(error)

    def is_full(self) -> bool:
        """Does as much wait as may?"""
        return self._waiting.full

    async def keep_event(self, event: TokenEvent, body: bytes) -> None:
        """Keeps what moves tokens, here and at the other validators."""
        await self.door.keep(event, body, TOKEN_EVENT)

    def _balances(self) -> tuple[int, Mapping[str, int]] | None:
        return None if self.state is None else (self.state.ordinal, self.state.info.balances)

    def head_ordinal(self) -> int:
        """The newest ordinal; 0 before there is a chain."""
        return 0 if self.state is None else self.state.ordinal

    def fiber_state(self) -> FiberState:
        """The state at the head."""
        return genesis() if self.state is None else self.state.fibers

    # Building.

    def load(self) -> Ml0State | None:
        """The state at the head of the store."""
        return load(self.database)

    def has_work(self) -> bool:
        """Blocks wait that are not just waiting for their predecessor."""
        return self._waiting.any_in_time or self.changes.due() is not None

    async def attempt(self, trigger: Trigger) -> Built | None:
        """Builds from the waiting blocks; refused ones go back to their L1 at once.

        Where nothing else was among the first blocks, the next ones are tried: each has woken the core before.
        """
        due = trigger == "time" or self.is_changing()
        while due or self.has_work() or self._waiting.impatient():
            with self.pace.work():
                built = self._build(trigger)
            gone = (*(refused.round_id for refused in built.refused), *built.dropped)
            if gone:
                await self._send_back(gone, built.refused)
            if due or built.decides:
                return built
            if not gone:
                break
        return None

    async def _send_back(self, gone: tuple[str, ...], refused: tuple[RefusedBlock, ...]) -> None:
        """Takes blocks out that no snapshot will hold as they are, and tells the L1 which were refused."""
        await self.database.write_at_last(lambda connection: remove_received(connection, gone))
        self._waiting.remove(gone)
        for each in refused:
            self._tell_refused(each)

    def _build(self, trigger: Trigger) -> Built:
        assert self.state is not None
        built = ml0.build(
            self.state,
            trigger,
            self._waiting.next(),
            self._knowledge,
            global_view=self.channel.view.sync_view(),
            change=self.changes.due(),
            impatient=self._waiting.impatient(),
        )
        self.token_faults.note(built.faults)
        self._waiting.mark_early(built.waiting)
        self._watch_early()
        return built

    def recheck(self, proposal: bytes) -> Built | str:
        """Builds what a proposal of this chain describes."""
        assert self.state is not None
        built = ml0.check(self.state, proposal, self._knowledge)
        return built.reason if isinstance(built, ml0.CheckFailed) else built

    def kept_with(self, built: Built, signed: bytes, header: Header) -> Commit:
        """The snapshot, the changed state, the outcomes, and the binary for GL0."""
        assert self.state is not None
        snapshot = stored_snapshot(built, signed, header)
        return Commit(
            snapshot,
            parts=parts_of(built.state, self.state),
            fibers=rows_of(built.state, self.state),
            outcomes=outcomes_of(built),
            next_binary=lambda previous: outbox_row(built.ordinal, Binary(previous, snapshot.body), self.node.key),
            received_done=built.done,
        )

    def next_state(self, built: Built) -> Ml0State:
        """The state after the snapshot."""
        return built.state

    def announce(self, built: Built, head: Head, before: Ml0State) -> None:
        """Tells the L1 layers, the outbox, and the webhooks."""
        rejecting = [each for each in self._waiting.named(built.rejecting) if isinstance(each, UpdateBlock)]
        self._waiting.remove(built.done)
        if built.accepted:
            self._waiting.state_changed()
        decided = outcomes_of(built)
        self.token_faults.forget(item.hash for event in built.tokens for item in event.updates)
        tokens = ml0_feed.currency_change(before, built.state)
        self.feed.publish(ml0_feed.entry_line(head.header, decided, before.fibers, built.state.fibers, tokens))
        self.channel.enqueue_newest()
        self._publish_webhooks(built, before, rejecting)
        self._tell_faults(built)

    def _watch_early(self) -> None:
        """Blocks that wait for a predecessor are looked at again when their patience ends."""
        if self._waiting.any_early and self._early_timer is None:

            def look() -> None:
                self._early_timer = None
                self.wake()

            self._early_timer = asyncio.get_running_loop().call_later(EARLY_PATIENCE_SECONDS + 0.01, look)

    def _tell_faults(self, built: Built) -> None:
        """An update that a fault of ours rejected is one for whoever mends it."""
        for rejected in built.rejections:
            if rejected.reason.startswith(Fault.INTERNAL):
                log.error("update %s is rejected for a fault of ours: %s", rejected.hash, rejected.reason)

    def _tell_refused(self, refused: RefusedBlock) -> None:
        self.feed.publish(ml0_feed.refused_line(refused))
        log.info("refused block %s: %s", refused.round_id, refused.reason[:200])

    # Followers.

    def newest(self) -> tuple[Header, FiberState] | None:
        """The newest snapshot and the state it left."""
        return None if self.head is None or self.state is None else (self.head.header, self.state.fibers)

    def opening(self, after: int | None) -> AsyncIterator[bytes]:
        """What was decided since ``after``, then the whole on-chain state."""
        return ml0_feed.opening(
            self, after, lambda: None if self.state is None else ml0_feed.currency_change(None, self.state)
        )

    def _founding(self) -> dict[str, Any]:
        stored = self.meta.genesis()
        assert stored is not None
        return stored

    # Webhooks.

    async def _save_webhooks(self, subscribers: list[dict[str, Any]]) -> None:
        text = json.dumps(subscribers)
        await self.database.write(lambda connection: put_fact(connection, Fact.WEBHOOKS, text))

    def _publish_webhooks(self, built: Built, before: Ml0State, rejecting: list[UpdateBlock]) -> None:
        if not self.webhooks.wanted:
            return
        metagraph_id = built.state.chain.chain_id
        self.webhooks.publish(ml0_webhooks.finalized(built, metagraph_id), counts=True)
        updates = [block.updates[0] for block in rejecting]
        for body in ml0_webhooks.rejections(updates, before.fibers, before.ordinal, metagraph_id):
            self.webhooks.publish(body, counts=False)

    # What the node says of itself.

    def info_bytes(self) -> bytes | None:
        """The token state beside the newest snapshot."""
        return None if self.state is None else exact_json.dumps(self.state.info.to_json())

    def layer_facts(self) -> dict[str, Any]:
        """The metagraph, and how far GL0 has it."""
        return {
            "metagraphId": None if self.state is None else self.state.chain.chain_id,
            "incarnation": None if self.state is None else self.state.chain.incarnation,
            "epochProgress": None if self.state is None else self.state.epoch_progress,
            **self.channel.facts(),
            "diverged": self.diverged or self.channel.view.diverged,
        }


def outcomes_of(built: Built) -> tuple[Outcome, ...]:
    """What a snapshot decides, as it is kept and told."""
    return tuple(Outcome(each.key, each.hash, built.ordinal, each.reason) for each in built.decisions())
