"""What GL0 and ML0 have in common: one chain, one validator's core, and everything served from the committed head.

A layer adds how a snapshot is built (``layers``), what is kept with it, and its own routes. The core's
questions are answered in ``l0_core.py``, its messages travel by ``l0_transport.py``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from aiohttp import web

from ottochain.codec import exact_json
from ottochain.consensus.core import Config, State, initial
from ottochain.consensus.effects import Boot, Diverged, Event, Hot, Valued, Voted, decode_record
from ottochain.consensus.votes import Chain, Trigger, decode_certificate
from ottochain.layers.certificates import verify_statement
from ottochain.model.header import Header
from ottochain.model.node_state import NodeState
from ottochain.node.consensus_shell import ConsensusShell, Recorder
from ottochain.node.datadir import STORE_NAME
from ottochain.node.feed import FeedHub, serve_line
from ottochain.node.head_age import HeadAge
from ottochain.node.l0_change import CHANGE_EVENT, Changes
from ottochain.node.l0_core import CoreAnswers
from ottochain.node.l0_download import serve_chain
from ottochain.node.l0_frames import Spread
from ottochain.node.l0_learning import Learning
from ottochain.node.l0_terms import ChainProblem, Head, LayerBuilt, LayerState
from ottochain.node.l0_transport import ValidatorTransport
from ottochain.node.listeners import ListenerName
from ottochain.node.membership import Peer
from ottochain.node.node import Node
from ottochain.node.pace import Pace
from ottochain.node.parents import member_json
from ottochain.node.responses import json_bytes
from ottochain.node.snapshot_routes import NOT_READY, snapshot_routes
from ottochain.store.blocks import Blocks
from ottochain.store.chain import Chain as ChainStore
from ottochain.store.chain import Committed as StoredSnapshot
from ottochain.store.commit import Commit as StoreCommit
from ottochain.store.commit import put_commit
from ottochain.store.database import Database
from ottochain.store.meta import Fact, Identity, Meta, put_fact, put_identity, put_votes_lost, votes_found_again
from ottochain.store.votes import Votes

log = logging.getLogger(__name__)

RECORDING_VARIABLE: Final = "OTTOCHAIN_CONSENSUS_RECORDING"
"""A file to which each step of the consensus core is appended, for replay."""


S = TypeVar("S", bound=LayerState)
B = TypeVar("B", bound=LayerBuilt)


class L0Service(ABC, Generic[S, B]):
    """The service of an L0 node. Subclasses name their layer and fill in the abstract methods."""

    layer: str
    cluster_id: str
    prefix: str
    serves_full_genesis: bool
    state_after_joining = NodeState.WAITING_FOR_DOWNLOAD
    signs_public = True

    def __init__(self, node: Node) -> None:
        self.node = node
        self.database = Database.open(node.data_dir / STORE_NAME)
        self.meta = Meta(self.database)
        self.chain = ChainStore(self.database)
        self.votes = Votes(self.database)
        self.received = Blocks(self.database)
        self.feed = FeedHub()
        self.head: Head | None = None
        self.head_age = HeadAge(time.monotonic)
        self.state: S | None = None
        self.shell: ConsensusShell | None = None
        self.diverged = False
        self.votes_lost = self.meta.votes_lost()
        self.answers: CoreAnswers[S, B] = CoreAnswers(self, self.database, node.key)
        self.transport = ValidatorTransport(
            node.links, node.membership, self.chain, self.answers.bodies, self._tell, self.take_event, self._core_state
        )
        self.learning: Learning[S, B] = Learning(node, self, self.answers)
        self.changes = Changes(self.database, lambda: self.state, self.transport.spread, self.wake)
        self.pace = Pace(self._rested)
        self._time_due = False
        self._time_trigger: asyncio.TimerHandle | None = None
        node.membership.subscribe(lambda _before, _after: self.feed.publish(self._members_line()))

    # What a layer fills in.

    @abstractmethod
    def load(self) -> S | None:
        """The state at the head of the store."""

    @abstractmethod
    async def attempt(self, trigger: Trigger) -> B | None:
        """Build the next snapshot from what waits; None when nothing would be in it."""

    @abstractmethod
    def recheck(self, proposal: bytes) -> B | str:
        """Build what a proposal describes, or say why it can't be."""

    @abstractmethod
    def kept_with(self, built: B, signed: bytes, header: Header) -> StoreCommit:
        """Everything that the commit of ``built`` changes in the store."""

    @abstractmethod
    def next_state(self, built: B) -> S:
        """The state after ``built``."""

    @abstractmethod
    def announce(self, built: B, head: Head, before: S) -> None:
        """Tell followers; the snapshot is durable and ``self.state`` is the state after it."""

    @abstractmethod
    def take_pool_event(self, peer: Peer, event: Spread) -> None:
        """Another validator took a block or a binary: it belongs into this pool, too."""

    @abstractmethod
    def has_work(self) -> bool:
        """Does anything wait that the next snapshot could take?"""

    @abstractmethod
    def opening(self, after: int | None) -> AsyncIterator[bytes]:
        """The lines that a new follower gets first."""

    @abstractmethod
    def info_bytes(self) -> bytes | None:
        """Wire JSON of the state beside the newest snapshot."""

    @abstractmethod
    def layer_facts(self) -> dict[str, Any]:
        """The layer's own part of ``/ottochain/node``."""

    @abstractmethod
    async def adopt(self, signed_founding: dict[str, Any], genesis: StoredSnapshot, first: StoredSnapshot) -> S:
        """Write the beginning of the cluster's chain; the state after it. Raises ``ModelError`` when it is wrong."""

    @abstractmethod
    def go_on(self, state: S) -> None:
        """Take up the chain at its head."""

    # Routes.

    def routes(self, listener: ListenerName) -> list[web.RouteDef]:
        """The snapshot routes on public and p2p, the feed on public."""
        if listener == "cli":
            return [web.post("/ottochain/validators", self.changes.take)]
        routes = snapshot_routes(self.prefix, self.chain, self, full=self.serves_full_genesis)
        if listener == "public":
            routes.append(web.get("/ottochain/feed", self._serve_feed))
        else:
            routes.append(serve_chain(self.chain, lambda: self.meta.get(Fact.GENESIS)))
        return routes

    @property
    def ready(self) -> bool:
        """Is the node in state Ready?"""
        return self.node.lifecycle.state is NodeState.READY

    def head_reference(self) -> tuple[int, str, str] | None:
        """Ordinal, hash and parent hash of the newest incremental snapshot."""
        return None if self.head is None else (self.head.ordinal, self.head.hash, self.head.parent)

    def latest_signed(self) -> bytes | None:
        """Wire JSON of the newest signed incremental snapshot."""
        return None if self.head is None else self.head.signed

    def latest_info(self) -> bytes | None:
        """Wire JSON of the state beside it."""
        return self.info_bytes()

    async def _serve_feed(self, request: web.Request) -> web.StreamResponse:
        if self.head is None:
            # A follower let in before there is anything to open with would hear nothing until the next snapshot.
            return json_bytes(NOT_READY, 503)
        after = request.query.get("after", "")
        known = int(after) if after.isascii() and after.isdigit() and len(after) < 16 else None
        if known is not None and self.chain.hash_at(known) != request.query.get("hash"):
            word = "behind" if known > self.head.ordinal else "diverged"
            refusal = exact_json.dumps({word: {"head": [self.head.ordinal, self.head.hash]}})
            return await serve_line(request, self._members_line() + b"\n" + refusal)
        return await self.feed.serve(request, lambda: self._opening(known))

    async def _opening(self, after: int | None) -> AsyncIterator[bytes]:
        async for line in self.opening(after):
            yield line
        yield self._members_line()

    def _members_line(self) -> bytes:
        """Who else of this layer a follower may turn to."""
        own = member_json(self.node.id, self.node.config.external_ip, self.node.ports["public"])
        peers = self.node.membership.responsive()
        members = [own, *(member_json(each.id, each.ip, each.public_port) for each in peers)]
        return exact_json.dumps({"members": members})

    # Life.

    async def on_joined(self) -> None:
        """A joined node gets the chain it lacks, then follows as a learner; a validator that returns votes again."""
        self.node.supervisor.errand("download", self.learning.run())

    async def on_leaving(self) -> None:
        """A single validator that leaves pauses its layer; its records stay."""

    async def stop(self) -> None:
        """Ends the feeds."""
        self.feed.close()

    async def close(self) -> None:
        """Closes the store."""
        if self._time_trigger is not None:
            self._time_trigger.cancel()
        self.pace.close()
        self.database.close()

    def has_collateral(self, peer_id: str) -> bool:
        """A peer of unknown balance may take part."""
        return True

    def consensus_peers(self) -> tuple[int, frozenset[str]] | None:
        """The last finished ordinal and its validators."""
        return None if self.head is None else (self.head.ordinal, frozenset(self.head.header.validators))

    def facts(self) -> dict[str, Any]:
        """What this node knows of its chain."""
        state, core = self.state, None if self.shell is None else self.shell.state
        return {
            "ordinal": None if state is None else state.ordinal,
            "ordinalSeconds": self.head_age.seconds,
            "hash": None if state is None else state.hash,
            "height": None if core is None else core.height,
            "view": None if core is None else core.view,
            "waitingFor": None if core is None else list(core.waiting_for()),
            "validators": None if core is None else list(core.validators),
            "quorum": None if core is None else core.needed,
            "chainId": None if state is None else state.chain.chain_id,
            "validatorChanges": None if state is None else state.validators.changes,
            "diverged": self.diverged,
            "votesLost": self.votes_lost,
            "pool": {"items": self.received.count()},
            "followers": self.feed.followers,
            **self.layer_facts(),
        }

    def require_empty_store(self) -> None:
        """Raises ``ChainProblem`` when there is a chain already: it must not be founded again."""
        head = self.chain.head()
        if head is not None:
            raise ChainProblem(
                f"this data directory already holds the chain up to ordinal {head[0]}: nothing was changed."
                f" Start {self.layer} with run-rollback to go on with it"
            )

    def require_chain(self) -> S:
        """The state at the head. Raises ``ChainProblem`` when there is none, or it can't be gone on with."""
        state = self.load()
        if state is None:
            raise ChainProblem(
                f"this data directory holds no chain to go on with: restore it from a backup, or found {self.layer}"
                " with run-genesis if it never existed"
            )
        if self.votes_lost and self._is_validator(state):
            raise ChainProblem(
                f"this data directory holds the chain up to ordinal {state.ordinal}, {state.hash}, but not what this"
                " validator voted: it is a copy, or was downloaded. Going on with it could contradict votes that were"
                " given. Nothing was changed; start with run-validator and join a validator that has its votes, then"
                " have this one removed and added again. Where no other validator is left, put the data directory back"
                " as it was when the node was stopped"
            )
        return state

    def resume(self, state: S, chain: Chain) -> None:
        """Takes up the chain at its head: serves it, boots the core, starts the time trigger."""
        stored = self.chain.latest()
        assert stored is not None
        header = Header.from_bytes(stored.header)
        parent = self.chain.hash_at(stored.ordinal - 1)
        self.state = state
        if self.votes_lost and not self._is_validator(state):
            self.database.write_now(votes_found_again)
            self.votes_lost = False
        if self.votes_lost:
            log.warning(
                "the record of what this validator voted is lost: it follows, and does not vote, until the operator has"
                " removed it from the validators and added it again"
            )
        self.head = Head(stored.ordinal, stored.hash, parent or "", stored.signed, header)
        certificate = None if header.certificate is None else decode_certificate(exact_json.dumps(header.certificate))
        records = tuple(
            record
            for record in map(decode_record, self.votes.at(state.ordinal + 1))
            if isinstance(record, Voted | Valued)
        )
        config = Config(me=self.node.id, chain=chain, sign=self.node.key.sign_hash, verify=verify_statement)
        recording = os.environ.get(RECORDING_VARIABLE)
        self.shell = ConsensusShell(
            initial(config),
            self.answers,
            self.transport,
            recorder=None if recording is None else Recorder(Path(recording)),
            on_diverged=self._on_diverged,
            beat=lambda: self.node.supervisor.beat("consensus"),
        )
        self.shell.tell(
            Boot(
                height=state.ordinal,
                hash=header.body_hash,
                certificate=certificate,
                validators=state.validators.next,
                following=state.validators.after_next,
                records=records,
                may_vote=not self.votes_lost,
                hot=self.trigger(),
                previous=header.validators,
            )
        )
        self.node.supervisor.loop("consensus", self.shell.run())
        self.transport.start()
        self._schedule_time_trigger()

    def committed(self, built: B, head: Head, before: S) -> None:
        """A snapshot is durable: schedules the next time trigger, tells learners and followers."""
        self.head_age.moved()
        if built.trigger == "time":
            self._schedule_time_trigger()
        learners = [peer.id for peer in self.node.membership.responsive() if peer.id not in head.header.validators]
        if learners and (stored := self.chain.at(head.ordinal)) is not None:
            self.transport.push(stored, learners)
        downloading = self.shell is None  # what is old says nothing of who is a validator now
        if self.votes_lost and not downloading and not self._is_validator(self.next_state(built)):
            log.info("this node is no validator any more: once it is added again, it votes again")
            self.votes_lost = False
            self.node.supervisor.background("vote again", self._vote_again())
        self.announce(built, head, before)
        self.learning.look()

    def _is_validator(self, state: S) -> bool:
        return self.node.id in (*state.validators.next, *state.validators.after_next)

    async def _vote_again(self) -> None:
        """What this node voted once is of heights that are decided: once it is added anew, it may vote."""
        assert self.shell is not None
        await self.database.write(votes_found_again)
        self.shell.let_vote()

    def _core_state(self) -> State | None:
        return None if self.shell is None else self.shell.state

    def _tell(self, event: Event) -> None:
        if self.shell is not None:
            self.shell.tell(event)

    def wait_to_join(self) -> None:
        """A validator: what its store holds is taken up once it has joined."""
        self.state = self.load()
        self.node.ready_to_join()

    async def write_beginning(
        self,
        signed_founding: dict[str, Any],
        metagraph_id: str | None,
        commits: tuple[StoreCommit, ...],
        *,
        adopted: bool = False,
    ) -> None:
        """Writes the first two snapshots and whose chain it is, in one transaction.

        ``adopted``: the chain comes from others. This node may have voted in it, with a disk that it has no more.
        """
        chain_id = signed_founding["value"]["chainId"]

        def write(connection: sqlite3.Connection) -> None:
            put_identity(connection, Identity(self.layer, self.node.id, chain_id, metagraph_id))
            put_fact(connection, Fact.GENESIS, json.dumps(signed_founding))
            if adopted:
                put_votes_lost(connection)
            for commit in commits:
                put_commit(connection, commit)

        await self.database.write(write)
        self.votes_lost = adopted

    def take_event(self, peer: Peer, event: Spread) -> None:
        """Another validator gives this node something for its pool."""
        if event.kind == CHANGE_EVENT:
            self.node.supervisor.background("take a change", self.changes.take_spread(peer, event.body))
        else:
            self.take_pool_event(peer, event)

    def wake(self, trigger: Trigger = "event") -> None:
        """Something waits for the next snapshot. While the node rests, events do so until the rest ends."""
        if self.shell is not None and (trigger == "time" or not self.pace.resting):
            self.shell.tell(Hot(trigger))

    def _rested(self) -> None:
        trigger = self.trigger()
        if trigger is not None:
            self.wake(trigger)

    def trigger(self) -> Trigger | None:
        """Why the next snapshot should be made now: what is due outweighs what waits."""
        if self._time_due:
            return "time"
        if self.pace.resting:
            return None
        return "event" if self.has_work() or self.is_changing() else None

    def is_changing(self) -> bool:
        """Is a change of the validators committed, and one more snapshot missing until it holds?"""
        return self.state is not None and self.state.validators.next != self.state.validators.after_next

    def _schedule_time_trigger(self) -> None:
        """From the last snapshot that time made; one that events made meanwhile does not put it off."""
        self._time_due = False
        if self._time_trigger is not None:
            self._time_trigger.cancel()
        seconds = self.node.config.time_trigger_seconds
        self._time_trigger = asyncio.get_running_loop().call_later(seconds, self._time_is_due)

    def _time_is_due(self) -> None:
        self._time_due = True
        self.wake("time")

    def _on_diverged(self, _: Diverged) -> None:
        self.diverged = True
