"""What travels between nodes: one envelope per thing that a real node sends over a link or by HTTP."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec import Struct

from ottochain.consensus.l1_effects import L1Message
from ottochain.consensus.l1_items import Block, Item
from ottochain.consensus.votes import Decided, Message, Signature
from ottochain.sim.application import Change, Outcome, Posted


class Said(Struct, frozen=True, tag=True):
    """A consensus message; a Proposal or Decided with its body."""

    message: Message
    body: str = ""


class SpreadBlock(Struct, frozen=True, tag=True):
    """A block for the pool of another validator."""

    block: Block


class SpreadBinary(Struct, frozen=True, tag=True):
    """A binary for the pool of another validator."""

    posted: Posted


class SpreadChange(Struct, frozen=True, tag=True):
    """The operator's change of validators, for each of them."""

    change: Change


class L1Said(Struct, frozen=True, tag=True):
    """A message between L1 nodes."""

    message: L1Message


class Submitted(Struct, frozen=True, tag=True):
    """An L1 node posts a block to ML0."""

    block: Block
    signatures: tuple[Signature, ...]
    attempt: int


class TurnedAway(Struct, frozen=True, tag=True):
    """ML0's door does not take a block, because too few signed it."""

    block: str
    attempt: int


class Refused(Struct, frozen=True, tag=True):
    """ML0 will not take this block, because of these items."""

    block: str
    guilty: tuple[str, ...]


class Told(Struct, frozen=True, tag=True):
    """ML0 says what became of items that were decided before."""

    outcomes: dict[str, Outcome]


class Delivered(Struct, frozen=True, tag=True):
    """An ML0 node posts a binary to GL0."""

    posted: Posted
    attempt: int


class Taken(Struct, frozen=True, tag=True):
    """GL0 answers 200: it has the binary in its memory."""

    ordinal: int
    attempt: int


class Requested(Struct, frozen=True, tag=True):
    """A client sends an update to an L1 node."""

    item: Item


class Acknowledged(Struct, frozen=True, tag=True):
    """The L1 node answers 200: the update is on its disk."""

    key: str


Parcel: TypeAlias = (
    Said
    | SpreadBlock
    | SpreadBinary
    | SpreadChange
    | L1Said
    | Submitted
    | TurnedAway
    | Refused
    | Told
    | Delivered
    | Taken
    | Requested
    | Acknowledged
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Parcel] = msgspec.json.Decoder(Parcel)


def over_the_wire(parcel: Parcel) -> Parcel:
    """The parcel as its receiver decodes it."""
    return _decoder.decode(_encoder.encode(parcel))


# -- names, by which lots are drawn ------------------------------------------------------------------------------------


def named(parcel: Parcel) -> str:
    """What a parcel is about, in a few words; a copy of it has the same name."""
    kind = type(parcel).__name__
    match parcel:
        case Said(message):
            return subject(message)
        case L1Said(message):
            block = message.block
            return f"{type(message).__name__} {block if isinstance(block, str) else numbers(block)}"
        case SpreadBlock(block) | Submitted(block):
            return f"{kind} {numbers(block)}"
        case SpreadBinary(posted) | Delivered(posted):
            return f"{kind} {posted.binary.ordinal}"
        case Refused(block) | TurnedAway(block):
            return f"{kind} {block}"
        case Requested(item):
            return f"{kind} {item.key}"
        case Acknowledged(key):
            return f"{kind} {key}"
        case _:
            return kind


def subject(message: Message) -> str:
    """What a consensus message is about."""
    if isinstance(message, Decided):
        return f"decided {message.certificate.height}"
    return f"{message.kind} {message.height} {message.view}"


def numbers(block: Block) -> str:
    return f"{block.proposer} {block.boot} {block.number}"
