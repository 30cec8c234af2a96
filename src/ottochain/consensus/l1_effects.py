"""What the core of an L1 node is told, what it asks for, and what L1 nodes say to each other."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from ottochain.consensus.l1_items import ITEMS_MAX, Basis, Block, Item, Key, Sequence
from ottochain.consensus.votes import (
    Chain,
    Hash,
    Height,
    MessageError,
    PeerId,
    Signature,
    SignatureText,
    VerifyFunction,
)

L1TimerName: TypeAlias = Literal["offer", "submit", "patience", "orphans"]
Keys: TypeAlias = Annotated[tuple[Key, ...], Meta(max_length=ITEMS_MAX)]
Signatures: TypeAlias = Annotated[tuple[Signature, ...], Meta(max_length=64)]
Reason: TypeAlias = Annotated[str, Meta(max_length=4096)]
L1_MESSAGE_BYTES_MAX = 4 * 1024 * 1024


# -- messages ----------------------------------------------------------------------------------------------------------


class Offer(Struct, frozen=True, rename="camel", tag="offer"):
    """ "Hold these items with me." The contents of the items travel beside it."""

    block: Block
    signature: SignatureText


class Cosign(Struct, frozen=True, rename="camel", tag="cosign"):
    """ "I hold them, on disk." Signs the block's text."""

    block: Hash
    sender: PeerId
    signature: SignatureText


class Decline(Struct, frozen=True, rename="camel", tag="decline"):
    """ "I will not hold them, because of these.\""""

    block: Hash
    sender: PeerId
    guilty: Keys
    reason: Reason
    signature: SignatureText

    def text(self, chain: Chain) -> str:
        return chain.statement("decline", 0, 0, self.block, guilty=",".join(self.guilty), reason=self.reason)


class Certified(Struct, frozen=True, rename="camel", tag="certified"):
    """ "Enough of us hold them: whoever sees them undecided may submit them." Proves itself."""

    block: Hash
    signatures: Signatures


L1Message: TypeAlias = Offer | Cosign | Decline | Certified

_decoder: msgspec.json.Decoder[L1Message] = msgspec.json.Decoder(L1Message)


def encode_l1_message(message: L1Message) -> bytes:
    return msgspec.json.encode(message)


def decode_l1_message(data: bytes | str) -> L1Message:
    """Read a message between L1 nodes. Raises MessageError for anything that is not exactly one."""
    if len(data) > L1_MESSAGE_BYTES_MAX:
        raise MessageError(f"an L1 message has at most {L1_MESSAGE_BYTES_MAX} bytes, found {len(data)}")
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MessageError(f"not an L1 message: {error}") from error


def signatures_hold(
    block: Block,
    text: str,
    signatures: tuple[Signature, ...],
    members: set[str],
    needed: int,
    verify: VerifyFunction,
) -> bool:
    """Tell whether at least `needed` distinct `members`, the proposer among them, signed `text`."""
    signers = [proof.id for proof in signatures]
    if len(signers) < needed or sorted(set(signers)) != signers or not set(signers) <= members:
        return False
    return block.proposer in signers and all(verify(proof.id, text, proof.signature) for proof in signatures)


# -- events ------------------------------------------------------------------------------------------------------------


class L1Boot(Struct, frozen=True, rename="camel", tag="boot"):
    """The first event of a life: the durable pool, own items and those held for others (see Item.origin).

    `boot` rises with every start and is persisted before this event. `sequences`: on-chain sequences of the items'
    fibers. `threshold` 0 means floor(n / 2) + 1 of peers and self. `basis`: what blocks stand on (see Block.basis).
    """

    boot: Height
    items: tuple[Item, ...] = ()
    sequences: dict[str, Sequence] = {}
    peers: tuple[PeerId, ...] = ()
    threshold: int = 0
    basis: Basis = ""


class Arrived(Struct, frozen=True, rename="camel", tag="arrived"):
    """Items of this node's own clients, durable already. Give all that were synced together at once."""

    items: tuple[Item, ...]
    sequences: dict[str, Sequence] = {}


class L1Validated(Struct, frozen=True, rename="camel", tag="validated"):
    """Answer to Validate. Not ok: `guilty` are the items at fault, the decided ones among them."""

    block: Hash
    ok: bool
    guilty: Keys = ()
    reason: Reason = ""


class L1Received(Struct, frozen=True, rename="camel", tag="received"):
    """A message from a peer, decoded and not yet checked."""

    message: L1Message


class Decisions(Struct, frozen=True, rename="camel", tag="decisions"):
    """From ML0's feed, in its order: items that are final, accepted or rejected; and sequences that moved.

    Keys and fibers that are not in the pool may be left in: they are ignored. `basis`: what blocks stand on from now
    on, None when that is as before.
    """

    keys: tuple[Key, ...] = ()
    sequences: dict[str, Sequence] = {}
    basis: Basis | None = None


class BlockRefused(Struct, frozen=True, rename="camel", tag="blockRefused"):
    """From ML0's feed or door: a block was refused as a whole because of `guilty` (empty: not known which).

    `again`: nothing is wrong with its items, what it stood on is gone; they are to be proposed again together.
    """

    block: Hash
    guilty: Keys
    reason: Reason
    again: bool = False


class PeersChanged(Struct, frozen=True, rename="camel", tag="peersChanged"):
    """The L1 nodes that can be reached now, without this one; and the threshold that ML0 asks for (0: the default)."""

    peers: tuple[PeerId, ...]
    threshold: int = 0


class Ml0Up(Struct, frozen=True, rename="camel", tag="ml0Up"):
    """ML0 can be reached again: what it was not told meanwhile need not wait for its timers."""


class L1TimerFired(Struct, frozen=True, rename="camel", tag="timerFired"):
    """A timer ran out. Late or cancelled ones do no harm."""

    name: L1TimerName
    block: str


L1Event: TypeAlias = (
    L1Boot | Arrived | L1Validated | L1Received | Decisions | BlockRefused | PeersChanged | Ml0Up | L1TimerFired
)


# -- effects -----------------------------------------------------------------------------------------------------------


class KeepItems(Struct, frozen=True, rename="camel", tag="keepItems"):
    """Write these items of a peer, with their contents, and sync, before the next effect."""

    block: Hash
    items: tuple[Item, ...]


class L1Send(Struct, frozen=True, rename="camel", tag="send"):
    """Send to one peer; an Offer with the contents of its items."""

    to: PeerId
    message: L1Message


class L1Validate(Struct, frozen=True, rename="camel", tag="validate"):
    """Check a peer's items as if clients had sent them; answer L1Validated."""

    block: Block


class Submit(Struct, frozen=True, rename="camel", tag="submit"):
    """POST the block to an ML0 node, another one each `attempt`. A failure needs no answer: it is tried again.

    A block of one item that all peers decline comes with too few signatures: ML0 can't take it, and says what became
    of an item that is decided.
    """

    block: Block
    signatures: Signatures
    attempt: int


class Release(Struct, frozen=True, rename="camel", tag="release"):
    """Delete these from the durable pool. `rejected`: why, when this node learned it by a refused block of one item."""

    keys: Keys
    rejected: Reason | None = None


class L1SetTimer(Struct, frozen=True, rename="camel", tag="setTimer"):
    """Start the timer of this name and block (or ""), replacing the one that runs."""

    name: L1TimerName
    block: str
    milliseconds: int


class L1CancelTimer(Struct, frozen=True, rename="camel", tag="cancelTimer"):
    """Stop it."""

    name: L1TimerName
    block: str


L1Effect: TypeAlias = KeepItems | L1Send | L1Validate | Submit | Release | L1SetTimer | L1CancelTimer
