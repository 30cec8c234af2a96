"""What L1 nodes send each other: a core's message, and with an offer the contents of its items; or copies of items."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from ottochain.consensus.l1_effects import L1Message, Offer, decode_l1_message, encode_l1_message
from ottochain.consensus.l1_items import Item
from ottochain.consensus.votes import MessageError
from ottochain.node.l1_pool import Content, Held, named

OFFERS_KEPT_MAX: Final = 256
"""Offers whose contents are kept until the core has answered them; the oldest goes when there are more.

The core has at most 16 of each peer in validation."""


COPIES_BYTES_MAX: Final = 1024 * 1024
"""Contents of one message of copies, unless it is but one."""


class Copy(msgspec.Struct, array_like=True, frozen=True):
    """An item's ``after`` and ``arrival`` at its owner, and its signed wire JSON."""

    after: int
    arrival: int
    signed: msgspec.Raw


_NOTHING: Final = msgspec.Raw(b"null")


class Envelope(msgspec.Struct):
    """A core's message as it travels, or copies, and the lane that it belongs to.

    ``updates`` are the contents of an offer: signed wire JSON, in no particular order. ``ordinal``: up to that snapshot
    none of the copies was decided.
    """

    message: msgspec.Raw = _NOTHING
    updates: list[msgspec.Raw] = []
    lane: str = ""
    copies: list[Copy] = []
    ordinal: int = 0
    withdrawn: list[str] = []

    @property
    def has_message(self) -> bool:
        """Is there a core's message in it, and not only copies?"""
        return bytes(self.message) != bytes(_NOTHING)


_decoder = msgspec.json.Decoder(Envelope)


def copies_body(copies: Iterable[Copy], ordinal: int, lane: str, withdrawn: Iterable[str] = ()) -> bytes:
    """The bytes of copies, and of the keys of what is withdrawn."""
    return msgspec.json.encode(Envelope(_NOTHING, [], lane, list(copies), ordinal, list(withdrawn)))


def enveloped(message: L1Message, contents: Iterable[bytes], lane: str = "") -> bytes:
    """The bytes of a message with what it carries. ``lane`` is a plain name."""
    mark = b',"lane":"%b"' % lane.encode("ascii") if lane else b""
    return b'{"message":%b,"updates":[%b]%b}' % (encode_l1_message(message), b",".join(contents), mark)


def opened(body: bytes) -> tuple[L1Message, list[bytes]]:
    """The message in these bytes, and the contents beside it. Raises ``MessageError``."""
    return opened_in_lane(body)[1:]


def opened_in_lane(body: bytes) -> tuple[str, L1Message, list[bytes]]:
    """The same, with the lane in front."""
    envelope = envelope_of(body)
    return envelope.lane, *content_of(envelope)


def envelope_of(body: bytes) -> Envelope:
    """What these bytes hold. Raises ``MessageError``."""
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MessageError(f"not an L1 message: {error}") from error


def content_of(envelope: Envelope) -> tuple[L1Message, list[bytes]]:
    """The core's message in it, and the contents beside it. Raises ``MessageError``."""
    if not envelope.has_message:
        raise MessageError("not an L1 message: it has no message")
    return decode_l1_message(bytes(envelope.message)), [bytes(raw) for raw in envelope.updates]


class Offers:
    """The contents of peers' offers, decoded and checked once, until the core has said what to do with them.

    ``read`` gives the content of its wire JSON and the JSON to keep, when it is sound. What was judged is put aside
    under the block's name, so that no later copy of the offer takes its place.
    """

    def __init__(self, read: Callable[[bytes], tuple[Content, bytes] | None]) -> None:
        self._read = read
        self._offered: dict[str, dict[str, Held]] = {}
        self._judged: dict[str, dict[str, Held]] = {}

    def take(self, offer: Offer, contents: Iterable[bytes], held: Mapping[str, Held]) -> None:
        """Checks what came with an offer. What this node holds already, or what is not signed, is left out."""
        wanted = {item.key: item for item in offer.block.items if item.key not in held}
        taken: dict[str, Held] = {}
        for raw in itertools.islice(contents, len(offer.block.items)):
            found = self._read(raw)
            item = None if found is None else wanted.get(found[0].key)
            if found is not None and item is not None:
                content, text = found
                taken[item.key] = Held(named(content, item.arrival, item.origin, item.after), text)
        block = offer.block.id()
        _put(self._offered, block, {**self._offered.get(block, {}), **taken})

    def of(self, block: str) -> Mapping[str, Held]:
        """The contents that came with a block, by key."""
        return self._offered.get(block, {})

    def judged(self, block: str, *, good: bool) -> None:
        """The contents of a good block are put aside for ``claim``; those of another are forgotten."""
        contents = self._offered.pop(block, {})
        if good and contents:
            _put(self._judged, block, contents)

    def claim(self, block: str) -> Mapping[str, Held]:
        """The contents of a block that was found good."""
        return self._judged.pop(block, {})


def _put(offers: dict[str, dict[str, Held]], block: str, contents: dict[str, Held]) -> None:
    if block not in offers and len(offers) >= OFFERS_KEPT_MAX:
        del offers[next(iter(offers))]
    offers[block] = contents


def same_name(ours: Item, theirs: Item) -> bool:
    """Do both name the same update? Arrival and origin are each node's own."""
    return (ours.key, ours.hash, ours.fiber, ours.sequence, ours.fee) == (
        theirs.key,
        theirs.hash,
        theirs.fiber,
        theirs.sequence,
        theirs.fee,
    )
