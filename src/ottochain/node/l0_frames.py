"""What L0 nodes of one layer send each other over their links: messages of the core with bodies, and events.

A frame is a list of parts, each with its length in front. The first part says what follows:

    message   a core's message, and for a proposal the body that it names
    decided   a decided height: the message, the proofs of its snapshot, and its body
    event     something for the pool of every validator: what kind it is, where it came from, its bytes
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.consensus.votes import Decided, Message, MessageError, Proposal, decode_message, encode_message
from ottochain.crypto.proofs import Proof
from ottochain.model.errors import ModelError
from ottochain.model.signed import decode_proofs, proofs_text

PARTS_MAX: Final = 4
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a peer's core. ``body`` is that of a proposal or a decision, and gives the digest it names."""

    message: Message
    body: bytes = b""
    proofs: tuple[Proof, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """An event that every validator should have in its pool."""

    kind: str
    source: str
    body: bytes


Frame: TypeAlias = Said | Spread


def said(message: Message, body: bytes = b"", proofs: tuple[Proof, ...] = ()) -> bytes:
    """The frame of a message."""
    if isinstance(message, Decided):
        return _packed(b"decided", encode_message(message), proofs_text(proofs) if proofs else b"[]", body)
    return _packed(b"message", encode_message(message), body)


def spread(event: Spread) -> bytes:
    """The frame of an event."""
    return _packed(b"event", event.kind.encode(), event.source.encode(), event.body)


def opened(frame: bytes) -> Frame:
    """What a peer sent. Raises ``MessageError`` for anything else, and for a body that is not the one named."""
    parts = _unpacked(frame)
    try:
        match parts:
            case [b"message", head, body]:
                return _with_body(Said(decode_message(head), body))
            case [b"decided", head, proofs, body]:
                return _with_body(Said(decode_message(head), body, _proofs(proofs)))
            case [b"event", kind, source, body]:
                return Spread(kind.decode("ascii"), source.decode("ascii"), body)
    except UnicodeDecodeError as error:
        raise MessageError(f"not a frame: {error}") from error
    raise MessageError("not a frame: unknown parts")


def _with_body(found: Said) -> Said:
    message = found.message
    if isinstance(message, Proposal | Decided) and sha256(found.body).hexdigest() != message.body:
        raise MessageError("the body is not the one that the message names")
    return found


def _proofs(text: bytes) -> tuple[Proof, ...]:
    try:
        value = exact_json.loads(text)
        return decode_proofs(value) if value else ()
    except (JsonError, ModelError) as error:
        raise MessageError(f"not proofs: {error}") from error


def _packed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(_LENGTH_BYTES) + part for part in parts)


def _unpacked(frame: bytes) -> list[bytes]:
    parts: list[bytes] = []
    at = 0
    while at < len(frame):
        length = int.from_bytes(frame[at : at + _LENGTH_BYTES])
        at += _LENGTH_BYTES
        if at + length > len(frame) or len(parts) == PARTS_MAX:
            raise MessageError("not a frame: lengths that do not fit")
        parts.append(frame[at : at + length])
        at += length
    return parts
