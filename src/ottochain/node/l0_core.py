"""What an L0 node answers its consensus core: builds, checks, vote records, and the commit of what is final."""

from __future__ import annotations

import sqlite3
from typing import Final, Generic, Protocol, TypeVar

from ottochain.codec import exact_json
from ottochain.consensus.effects import (
    Build,
    Commit,
    CommitFailed,
    Committed,
    NotBuilt,
    Persist,
    Validate,
    Validated,
    Valued,
    Voted,
    encode_record,
)
from ottochain.consensus.effects import Built as BuiltAnswer
from ottochain.consensus.votes import Proposal, Trigger, encode_certificate
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import Proof, sign, sorted_proofs, verify
from ottochain.model.header import Header
from ottochain.model.signed import signed_text
from ottochain.node.l0_terms import Head, LayerBuilt, LayerState
from ottochain.node.l0_transport import Bodies
from ottochain.node.pace import Pace
from ottochain.store.commit import Commit as StoreCommit
from ottochain.store.commit import put_commit
from ottochain.store.database import Database
from ottochain.store.votes import Votes, forget_votes, put_votes

S = TypeVar("S", bound=LayerState)
B = TypeVar("B", bound=LayerBuilt)
NOT_AT_HAND: Final = "its body is not at hand"


class LostBodyError(Exception):
    """What this node's own votes are about is lost. It must stop: whatever it did next could contradict them."""


class Chained(Protocol[S, B]):
    """A layer's chain, as the core's answers need it."""

    state: S | None
    head: Head | None
    pace: Pace

    async def attempt(self, trigger: Trigger) -> B | None:
        """Build the next snapshot from what waits; None when nothing would be in it."""

    def recheck(self, proposal: bytes) -> B | str:
        """Build what a proposal describes, or say why it can't be."""

    def kept_with(self, built: B, signed: bytes, header: Header) -> StoreCommit:
        """Everything that the commit of ``built`` changes in the store."""

    def next_state(self, built: B) -> S:
        """The state after ``built``."""

    def committed(self, built: B, head: Head, before: S) -> None:
        """The snapshot is durable and ``state`` is the state after it: tell whoever follows."""

    def trigger(self) -> Trigger | None:
        """Why the next snapshot should be made now: what is due outweighs what waits; None when neither is."""


class CoreAnswers(Generic[S, B]):
    """Answers the core of one node."""

    def __init__(self, chained: Chained[S, B], database: Database, key: PrivateKey) -> None:
        self._chained = chained
        self._database = database
        self._key = key
        self._built: dict[str, B] = {}
        self.bodies = Bodies(Votes(database).body)

    async def build(self, ask: Build) -> BuiltAnswer | NotBuilt:
        """Builds on the committed parent."""
        built = await self._chained.attempt(ask.trigger)
        if built is None:
            return NotBuilt(ask.height, ask.view, "nothing that waits belongs into a snapshot")
        self._built[built.body_hash] = built
        reference = self.bodies.put(built.proposal)
        return BuiltAnswer(ask.height, ask.view, built.body_hash, reference, built.trigger)

    async def validate(self, ask: Validate) -> Validated:
        """Builds again what was proposed and compares."""
        proposal = ask.proposal
        found = self._rebuilt(proposal.hash, proposal.body)
        fault = found if isinstance(found, str) else None
        if not isinstance(found, str) and found.trigger != proposal.trigger:
            fault = f"its body has trigger {found.trigger}, the proposal says {proposal.trigger}"
        return Validated(proposal.height, proposal.view, proposal.hash, fault is None, fault or "")

    async def persist(self, ask: Persist) -> None:
        """Writes vote records, with the bodies they name."""
        assert self._chained.state is not None
        height = self._chained.state.ordinal + 1
        records = [encode_record(record) for record in ask.records]
        named = {reference for record in ask.records if (reference := body_named(record)) is not None}
        bodies = {reference: body for reference in named if (body := self.bodies.get(reference)) is not None}
        await self._database.write_at_last(lambda connection: put_votes(connection, height, records, bodies))

    async def commit(self, ask: Commit) -> Committed | CommitFailed:
        """Signs the snapshot now that it is final, and appends it."""
        built = self._rebuilt(ask.hash, ask.body)
        if isinstance(built, str):
            return self._failed(ask, built)
        header = built.header.certified(ask.view, exact_json.loads(encode_certificate(ask.certificate)))
        proofs = self._proofs(built, header)
        if not proofs:
            return CommitFailed(ask.height, ask.hash, "no validator's proof of the snapshot is at hand", lost=True)
        state = await self.append(built, header, proofs)
        validators = state.validators
        return Committed(ask.height, ask.hash, validators.next, validators.after_next, self._chained.trigger())

    def _failed(self, ask: Commit, reason: str) -> CommitFailed:
        """A peer may send another body. Where there is no other validator, waiting for one would have no end."""
        state = self._chained.state
        if state is not None and state.validators.next == (self._key.peer_id,):
            raise LostBodyError(
                f"snapshot {ask.height} is voted for and can't be made again: {reason}. The store is damaged, or was"
                " written by another version: nothing was changed"
            )
        return CommitFailed(ask.height, ask.hash, reason, lost=reason == NOT_AT_HAND)

    async def append(self, built: B, header: Header, proofs: tuple[Proof, ...]) -> S:
        """Writes a final snapshot in one transaction, then announces it; returns the state after it."""
        chained = self._chained
        before = chained.state
        assert before is not None
        signed = signed_text(built.text.wire, proofs)
        with chained.pace.work():
            kept = chained.kept_with(built, signed, header)

        def write(connection: sqlite3.Connection) -> None:
            put_commit(connection, kept)
            forget_votes(connection, built.ordinal)

        await self._database.write_at_last(write)
        self._built = {}
        state = chained.next_state(built)
        chained.state = state
        chained.head = Head(built.ordinal, built.text.hash, before.hash, signed, header)
        with chained.pace.work():
            chained.committed(built, chained.head, before)
        chained.pace.rest()
        return state

    def _rebuilt(self, block: str, body: str) -> B | str:
        """What was voted for: at hand, or built again from its body (a peer's, or this node's own before a crash)."""
        known = self._built.get(block)
        if known is not None:
            return known
        proposal = self.bodies.get(body)
        if proposal is None:
            return NOT_AT_HAND
        with self._chained.pace.work():
            built = self._chained.recheck(proposal)
        if isinstance(built, str):
            return built
        if built.body_hash != block:
            return "its body gives another hash"
        self._built[block] = built
        return built

    def _proofs(self, built: B, header: Header) -> tuple[Proof, ...]:
        """This node's proof, if it is a validator, and those that came with the decision."""
        decided = self.bodies.decided(built.body_hash)
        others = () if decided is None else decided.proofs
        held = [proof for proof in others if proof.id in header.validators and verify(built.text.hash, proof)]
        if self._key.peer_id in header.validators:
            held.append(sign(built.text.hash, self._key))
        return sorted_proofs(held)


def body_named(record: object) -> str | None:
    """The body that a vote record names."""
    if isinstance(record, Valued):
        return record.body
    if isinstance(record, Voted) and isinstance(record.message, Proposal):
        return record.message.body
    return None
