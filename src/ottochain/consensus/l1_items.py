"""Items and blocks of an L1 layer, and the choice of the next block's items."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import Meta, Struct

from ottochain.codec.wire import json_hash
from ottochain.consensus.votes import Height, PeerId

Key = Annotated[str, Meta(min_length=1, max_length=128)]
Sequence = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Basis = Annotated[str, Meta(max_length=8192)]
ITEMS_MAX = 4096
"""No block of an honest node holds more items; one that does is not decoded."""


class Item(Struct, frozen=True, rename="camel"):
    """One signed update (DL1) or transaction (CL1), without its content.

    `key` names value and proofs, so that a copy with other proofs is another item; `hash` names the value alone.
    `fiber` and `sequence` say what it must follow: the fiber and target sequence of an update, the source and parent
    ordinal of a transaction. `sequence` is None when it follows nothing (a creation). `arrival` counts at `origin`,
    the node that acknowledged it. `after` is the ordinal of the decision that it was submitted again after, 0 when it
    is new: decisions up to there say nothing of it. `fee` is the hash of what it pays beside, "" when it pays nothing.
    """

    key: Key
    hash: Key
    fiber: Annotated[str, Meta(max_length=256)]
    sequence: Sequence | None
    arrival: Height
    origin: PeerId
    after: Height = 0
    fee: Annotated[str, Meta(max_length=128)] = ""

    def hashes(self) -> list[str]:
        """Return the hashes of its group in a data block: of the update, and of what it pays."""
        return [self.hash, self.fee] if self.fee else [self.hash]


class Block(Struct, frozen=True, rename="camel"):
    """Items that one node proposes together. `boot` counts the proposer's starts, `number` its blocks since then:
    the same items proposed again are a new block, which the ML0 that refused the old one must look at afresh. `basis`
    is what it stands on, as the layer writes it; "" where blocks stand on nothing."""

    proposer: PeerId
    boot: Height
    number: Height
    items: Annotated[tuple[Item, ...], Meta(min_length=1, max_length=ITEMS_MAX)]
    basis: Basis = ""

    def id(self) -> str:
        """Return the block's name: a SHA-256 over proposer, numbers, the keys in order, and the basis."""
        parts = [self.proposer, str(self.boot), str(self.number), *(item.key for item in self.items)]
        if self.basis:
            parts.append(self.basis)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def text(self) -> str:
        """Return what its proposer and its co-signers sign: the hash of the data block that ML0 receives.

        It is the JSON hash of the update hashes, one group per update with its fee (Tessellation,
        ``DataApplicationBlock``), so the signatures are the block's proofs as they stand. They say which updates are
        held, not in which round.
        """
        return json_hash([item.hashes() for item in self.items])


class Choice(Struct, frozen=True):
    """What to do with the waiting items: `block` is proposed, `stale` each alone, `early` not yet."""

    block: tuple[Item, ...]
    stale: tuple[Item, ...]
    early: tuple[Item, ...]


def in_order(items: Iterable[Item]) -> list[Item]:
    """Return items in the order of their arrival."""
    return sorted(items, key=lambda item: (item.arrival, item.key))


def choose(waiting: Iterable[Item], sequences: Mapping[str, int], limit: int) -> Choice:
    """Return the next block: the first `limit` items that can follow each other, in the order of arrival.

    `sequences` are the on-chain sequences of fibers; a fiber not named is unknown here, and its items are taken as
    they come. An item follows when its sequence is the fiber's on-chain sequence plus the items of that fiber taken
    before it. One whose turn comes by a later arrival is taken right behind that. One below the on-chain sequence is
    stale: the chain will refuse it, and with it every block it is in.
    """
    next_sequence = dict(sequences)
    block: list[Item] = []
    stale: list[Item] = []
    held: dict[tuple[str, int], Item] = {}
    early: list[Item] = []
    for item in in_order(waiting):
        if item.sequence is None or item.fiber not in next_sequence:
            block.append(item)
        elif item.sequence < sequences[item.fiber]:
            stale.append(item)
        elif item.sequence != next_sequence[item.fiber]:
            early.append(item)
            held.setdefault((item.fiber, item.sequence), item)
        else:
            taken: Item | None = item
            while taken is not None:
                block.append(taken)
                next_sequence[item.fiber] += 1
                taken = held.pop((item.fiber, next_sequence[item.fiber]), None)
        if len(block) >= limit:
            break
    chosen = {item.key for item in block[:limit]}
    return Choice(tuple(block[:limit]), tuple(stale), tuple(item for item in early if item.key not in chosen))


def orphaned(early: Iterable[Item], pool: Iterable[Item], sequences: Mapping[str, int]) -> tuple[Item, ...]:
    """Return the early items that wait for a predecessor which is nowhere in the pool."""
    early = tuple(early)
    if not early:
        return ()
    fibers = {item.fiber for item in early}
    present = {(item.fiber, item.sequence) for item in pool if item.fiber in fibers}
    reach = {}
    for fiber in sorted(fibers):
        reach[fiber] = sequences.get(fiber, 0)
        while (fiber, reach[fiber]) in present:
            reach[fiber] += 1
    return tuple(item for item in early if item.sequence is not None and item.sequence > reach[item.fiber])
