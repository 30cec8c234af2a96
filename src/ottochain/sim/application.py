"""What the false layers decide: a chain of bodies, each executed on the state before it.

ML0's bodies hold blocks of L1 items, GL0's hold ML0's binaries. An item applies when it follows its fiber's sequence;
one that does not is rejected, alone in its block, and makes a block of several invalid. A binary is included when it
stands on the last one and a quorum of ML0's validators certified it. Real layers do the same with more words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ottochain.consensus.l1_items import Block, Item
from ottochain.consensus.outbox import Binary
from ottochain.consensus.quorum import FaultModel, quorum
from ottochain.consensus.votes import Certificate, Chain, Trigger, VerifyFunction

BLOCKS_PER_BODY_MAX = 6
CHAINS = {"gl0": Chain("DAG0gl0", 0, "gl0"), "ml0": Chain("DAG0ml0", 0, "ml0"), "dl1": Chain("DAG0ml0", 0, "dl1")}
Members: TypeAlias = tuple[str, ...]


class Change(Struct, frozen=True):
    """The operator's change number `number` of a layer's validators: one more, or one less."""

    number: int
    add: str | None = None
    remove: str | None = None

    def applied_to(self, members: Members) -> Members:
        left = tuple(member for member in members if member != self.remove)
        return tuple(sorted((*left, self.add))) if self.add is not None else left


class Posted(Struct, frozen=True):
    """A binary as the ML0 node `sender` posts it: what its hash is made of, and the certificate of its snapshot."""

    binary: Binary
    content: str
    next: Members
    certificate: Certificate
    sender: str


class Body(Struct, frozen=True):
    """What a proposal's hash stands for. `salt` makes the bodies of two builders differ."""

    parent: str
    trigger: Trigger
    salt: str
    change: Change | None = None
    blocks: tuple[Block, ...] = ()
    binaries: tuple[Posted, ...] = ()


class Outcome(Struct, frozen=True):
    """What became of an item, and at which height."""

    height: int
    accepted: bool


class Tip(Struct, frozen=True):
    """The last binary of ML0 that GL0 holds, and who may certify the next one."""

    ordinal: int
    hash: str
    validators: Members


class Facts(Struct, frozen=True):
    """A layer's state after a height. `content` sums up all before it."""

    height: int
    hash: str
    content: str
    validators: Members
    following: Members
    changes: int = 0
    epoch: int = 0
    outcomes: Mapping[str, Outcome] = {}
    sequences: Mapping[str, int] = {}
    tip: Tip | None = None

    def pending(self, item: Item) -> bool:
        """Whether this submission of an item has no outcome."""
        found = self.outcomes.get(item.key)
        return found is None or found.height <= item.after


_bodies: msgspec.json.Decoder[Body] = msgspec.json.Decoder(Body)
_encoder = msgspec.json.Encoder()


def digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def block_hash(parent: str, content: str, following: Members) -> str:
    """The hash that is voted for."""
    return digest(parent, content, ",".join(following))


def encoded(body: Body) -> tuple[str, bytes]:
    """A body's bytes, under their digest."""
    text = _encoder.encode(body)
    return hashlib.sha256(text).hexdigest(), text


def genesis(layer: str, validators: Members, tip: Tip | None = None) -> Facts:
    """The state that a layer starts with."""
    return Facts(0, digest("genesis", layer), digest(layer), validators, validators, tip=tip)


class Application:
    """Executes bodies. What was executed once on the same state is not executed again."""

    def __init__(self, verify: VerifyFunction, fault_model: FaultModel) -> None:
        self._verify = verify
        self._fault_model = fault_model
        self._known: dict[tuple[str, str], Facts | str] = {}
        self._bodies: dict[str, Body] = {}

    def body(self, reference: str, text: bytes) -> Body:
        """What these bytes, whose digest is ``reference``, say."""
        found = self._bodies.get(reference)
        if found is None:
            found = self._bodies[reference] = _bodies.decode(text)
        return found

    def executed(self, facts: Facts, reference: str, text: bytes) -> Facts | str:
        """The state after a body, or why it can't follow."""
        found = self._known.get((facts.hash, reference))
        if found is None:
            found = self._known[facts.hash, reference] = self.execute(facts, reference, text)
        return found

    def execute(self, facts: Facts, reference: str, text: bytes) -> Facts | str:
        """The same, without a look at what is known."""
        body = self.body(reference, text)
        if body.parent != facts.hash:
            return "its parent is another"
        height = facts.height + 1
        outcomes, sequences = dict(facts.outcomes), dict(facts.sequences)
        for block in body.blocks:
            if fault := apply_block(block, height, outcomes, sequences):
                return fault
        tip = facts.tip
        for posted in body.binaries:
            if tip is None or not self.follows(tip, posted):
                return f"binary {posted.binary.ordinal} does not follow"
            tip = Tip(posted.binary.ordinal, posted.binary.hash, posted.next)
        following = facts.following
        if body.change is not None:
            if not may_change(facts, body.change):
                return "its change of validators can't be made now"
            following = body.change.applied_to(following)
        content = digest(facts.content, reference, len(outcomes), sorted(sequences.items()), tip, following)
        return Facts(
            height=height,
            hash=block_hash(facts.hash, content, facts.following),
            content=content,
            validators=facts.following,
            following=following,
            changes=facts.changes + (body.change is not None),
            epoch=facts.epoch + (body.trigger == "time"),
            outcomes=outcomes,
            sequences=sequences,
            tip=tip,
        )

    def follows(self, tip: Tip, posted: Posted) -> bool:
        """Whether a binary stands on the last one, is what its hash says, and was certified by those who may."""
        binary, proof = posted.binary, posted.certificate
        return (
            (binary.ordinal, binary.previous) == (tip.ordinal + 1, tip.hash)
            and binary.hash == block_hash(binary.previous, posted.content, posted.next)
            and (proof.kind, proof.height, proof.hash) == ("precommit", binary.ordinal, binary.hash)
            and proof.holds(CHAINS["ml0"], tip.validators, quorum(len(tip.validators), self._fault_model), self._verify)
        )


def may_change(facts: Facts, change: Change) -> bool:
    """One change at a time, in their order, and of a set that it is about."""
    members = facts.following
    fits = (change.add is None or change.add not in members) and (change.remove is None or change.remove in members)
    left = change.applied_to(members)
    return fits and facts.validators == members and change.number == facts.changes + 1 and bool(left)


def apply_block(block: Block, height: int, outcomes: dict[str, Outcome], sequences: dict[str, int]) -> str:
    """Decides the items of a block; returns why it can't be taken, or nothing."""
    guilty = guilty_of(block, outcomes, sequences)
    if guilty and len(block.items) > 1:
        return f"block {block.id()[:8]}: {guilty[0]} does not follow"
    for item in block.items:
        found = outcomes.get(item.key)
        if found is None:
            outcomes[item.key] = Outcome(height, not guilty)
            if item.sequence is not None and not guilty:
                sequences[item.fiber] = item.sequence + 1
        elif found.height <= item.after:
            outcomes[item.key] = replace(found, height=height)
    return ""


def guilty_of(block: Block, outcomes: Mapping[str, Outcome], sequences: Mapping[str, int]) -> tuple[str, ...]:
    """The items of a block that do not follow. Those that are decided are not asked again."""
    at: dict[str, int] = {}
    found = []
    for item in block.items:
        if item.sequence is None or item.key in outcomes:
            continue
        if item.sequence != at.get(item.fiber, sequences.get(item.fiber, 0)):
            found.append(item.key)
        else:
            at[item.fiber] = item.sequence + 1
    return tuple(found)


class Chosen(Struct, frozen=True):
    """What a builder takes from its pool: `blocks` into the body, `refused` back to L1, `done` to nobody."""

    blocks: tuple[Block, ...]
    refused: tuple[tuple[Block, tuple[str, ...]], ...]
    done: tuple[Block, ...]


def choose_blocks(facts: Facts, pool: Iterable[Block]) -> Chosen:
    """What becomes of the blocks that wait, looked at in the order of their arrival."""
    outcomes, sequences = dict(facts.outcomes), dict(facts.sequences)
    taken: list[Block] = []
    refused: list[tuple[Block, tuple[str, ...]]] = []
    done: list[Block] = []
    for block in pool:
        if len(taken) == BLOCKS_PER_BODY_MAX:
            break
        if not any(facts.pending(item) for item in block.items):
            done.append(block)
        elif apply_block(block, facts.height + 1, outcomes, sequences):
            refused.append((block, guilty_of(block, outcomes, sequences)))
        else:
            taken.append(block)
    return Chosen(tuple(taken), tuple(refused), tuple(done))
