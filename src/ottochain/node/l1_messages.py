"""What L1 nodes send each other: a core's message, and with an offer the contents of its items."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.consensus.l1_effects import L1Message, Offer, decode_l1_message, encode_l1_message
from ottochain.consensus.l1_items import Item
from ottochain.consensus.votes import MessageError
from ottochain.crypto.proofs import verify_all
from ottochain.fibers.errors import DecodeError
from ottochain.fibers.updates import SignedUpdate
from ottochain.node.bodies import DEPTH_MAX
from ottochain.node.l1_pool import Held, named
from ottochain.node.submission import PROOFS_MAX

OFFERS_KEPT_MAX: Final = 256
"""Offers whose contents are kept until the core has answered them; the oldest goes when there are more.

The core has at most 16 of each peer in validation."""


class Envelope(msgspec.Struct):
    """A message as it travels. The contents are signed wire JSON, in no particular order."""

    message: msgspec.Raw
    updates: list[msgspec.Raw] = []


_decoder = msgspec.json.Decoder(Envelope)


def enveloped(message: L1Message, contents: Iterable[bytes]) -> bytes:
    """The bytes of a message with what it carries."""
    return b'{"message":%b,"updates":[%b]}' % (encode_l1_message(message), b",".join(contents))


def opened(body: bytes) -> tuple[L1Message, list[bytes]]:
    """The message in these bytes, and the contents beside it. Raises ``MessageError``."""
    try:
        envelope = _decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MessageError(f"not an L1 message: {error}") from error
    return decode_l1_message(bytes(envelope.message)), [bytes(raw) for raw in envelope.updates]


class Offers:
    """The contents of peers' offers, decoded and checked once, until the core has said what to do with them.

    What was judged is put aside under the block's name, so that no later copy of the offer takes its place.
    """

    def __init__(self) -> None:
        self._offered: dict[str, dict[str, Held]] = {}
        self._judged: dict[str, dict[str, Held]] = {}

    def take(self, offer: Offer, contents: Iterable[bytes], held: Mapping[str, Held]) -> None:
        """Checks what came with an offer. What this node holds already, or what is not signed, is left out."""
        wanted = {item.key: item for item in offer.block.items if item.key not in held}
        taken: dict[str, Held] = {}
        for raw in itertools.islice(contents, len(offer.block.items)):
            update = signed_update(raw)
            item = None if update is None else wanted.get(update.key)
            if update is not None and item is not None:
                name = named(update, item.arrival, item.origin, item.after)
                taken[item.key] = Held(name, exact_json.dumps(update.to_json()))
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
    return update if len(update.proofs) <= PROOFS_MAX and verify_all(update.hash, update.proofs) else None
