"""The durable pool of an L1 node: what was acknowledged, what became of it, and what blocks are made of.

Everything in ``held`` is on disk. The contents stay encoded; only their names are decoded.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ottochain.consensus.l1_items import Item
from ottochain.fibers.messages import target_sequence_number_of
from ottochain.fibers.updates import SignedUpdate
from ottochain.store.database import Database
from ottochain.store.meta import Fact, Meta, put_fact
from ottochain.store.outcomes import Outcome, Outcomes, put_outcomes
from ottochain.store.pool import Pool, PoolItem, put_items, remove_items


@dataclass(frozen=True, slots=True)
class Held:
    """One undecided update: its name, and its signed wire JSON."""

    item: Item
    signed: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """The snapshot up to which decisions are applied."""

    ordinal: int
    hash: str


class L1Pool:
    """Reads from memory, writes through the store. ``me`` is this node's id."""

    def __init__(self, database: Database, me: str) -> None:
        self._database = database
        self._me = me
        self.outcomes = Outcomes(database)
        self.held: dict[str, Held] = {}
        self.position = _position(Meta(database).get(Fact.FOLLOWED))
        self._waiting: Counter[str] = Counter()
        self._arrivals = 0
        for stored in Pool(database).items():
            item = Item(
                stored.key, stored.hash, stored.fiber, stored.sequence, stored.arrival, stored.origin, stored.after
            )
            self._hold(Held(item, stored.signed))
            self._arrivals = stored.arrival

    def __len__(self) -> int:
        return len(self.held)

    def item_of(self, update: SignedUpdate) -> Item:
        """The name under which this node offers an update that it acknowledges itself.

        Whatever was decided up to here about the same update was about an earlier submission: the sender has seen it,
        or could have, and may try again.
        """
        self._arrivals += 1
        return named(update, self._arrivals, self._me, 0 if self.position is None else self.position.ordinal)

    async def acknowledge(self, item: Item, signed: bytes) -> None:
        """Keeps a client's update; synced when this returns."""
        await self._put([Held(item, signed)])

    async def keep(self, contents: Iterable[Held]) -> None:
        """Keeps a peer's updates; synced when this returns."""
        await self._put(list(contents))

    async def _put(self, contents: list[Held]) -> None:
        rows = [
            PoolItem(item.key, item.hash, item.fiber, item.sequence, held.signed, item.origin, item.after)
            for held in contents
            for item in [held.item]
        ]
        await self._database.write(lambda connection: put_items(connection, rows))
        for held in contents:
            self._hold(held)

    def _hold(self, held: Held) -> None:
        if held.item.key not in self.held:
            self.held[held.item.key] = held
            self._waiting[held.item.hash] += 1

    async def decide(self, decisions: Iterable[Outcome], position: Position | None) -> tuple[str, ...]:
        """Books what the chain decided about held updates, and how far it was followed, in one transaction.

        Returns the keys that were held.
        """
        outcomes = [
            outcome
            for outcome in decisions
            if (held := self.held.get(outcome.key)) is not None and outcome.ordinal > held.item.after
        ]
        keys = tuple(outcome.key for outcome in outcomes)
        if not keys and position is None:
            return keys

        def book(connection: sqlite3.Connection) -> None:
            remove_items(connection, keys)
            put_outcomes(connection, outcomes)
            if position is not None:
                put_fact(connection, Fact.FOLLOWED, json.dumps([position.ordinal, position.hash]))

        await self._database.write(book)
        for key in keys:
            update_hash = self.held.pop(key).item.hash
            self._waiting[update_hash] -= 1
            if not self._waiting[update_hash]:
                del self._waiting[update_hash]
        self.position = position or self.position
        return keys

    def waiting_of(self, update_hash: str) -> bool:
        """Is an update of this hash undecided here?"""
        return update_hash in self._waiting

    def groups(self) -> Iterator[bytes]:
        """Each held update as a group of one, as ``GET /data`` lists them."""
        for held in self.held.values():
            yield b"[%b]" % held.signed


def named(update: SignedUpdate, arrival: int, origin: str, after: int) -> Item:
    """The name of an update in blocks."""
    sequence = target_sequence_number_of(update.message)
    return Item(update.key, update.hash, update.fiber_id, sequence, arrival, origin, after)


def _position(stored: str | None) -> Position | None:
    return None if stored is None else Position(*json.loads(stored))
