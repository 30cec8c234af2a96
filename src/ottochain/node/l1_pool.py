"""The durable pool of an L1 node: what was acknowledged, what became of it, and what blocks are made of.

Everything in ``held`` is on disk. The contents stay encoded; only their names are decoded. A decision may come while
the update that it is about is still being written: the store does both in their order, so it counts for that, too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ottochain.consensus.l1_items import Item
from ottochain.fibers.messages import target_sequence_number_of
from ottochain.fibers.updates import SignedUpdate
from ottochain.store.database import Database
from ottochain.store.meta import Fact, Meta, put_fact
from ottochain.store.outcomes import Outcome, Outcomes, note_outcomes
from ottochain.store.pool import Pool, PoolItem, put_items, remove_items
from ottochain.store.writer import Write

POOL_ITEMS_MAX: Final = 50_000
POOL_BYTES_MAX: Final = 256 * 1024 * 1024
"""Undecided items on one node, and their contents; above either no new ones are taken."""

POSITION_SNAPSHOTS_MAX: Final = 64
"""How many snapshots that decide nothing here are followed before that is noted on disk."""


@dataclass(frozen=True, slots=True)
class NamedContent:
    """What names an item that is no update: the same that is asked of one."""

    key: str
    hash: str
    fiber_id: str
    sequence: int | None
    fee: str = ""


Content: TypeAlias = SignedUpdate | NamedContent
"""What an item is named after."""


@dataclass(frozen=True, slots=True)
class Held:
    """One undecided item: its name, and its signed wire JSON."""

    item: Item
    signed: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """The snapshot up to which decisions are applied."""

    ordinal: int
    hash: str
    validators: tuple[str, ...] = field(default=(), compare=False)
    """Those of that snapshot, who vouch for the next."""


class L1Pool:
    """Reads from memory, writes through the store. ``me`` is this node's id; ``fee_of`` tells the hash of the fee that
    a content pays beside, "" where it pays none."""

    def __init__(self, database: Database, me: str, fee_of: Callable[[bytes], str] = lambda _: "") -> None:
        self._database = database
        self._me = me
        self.outcomes = Outcomes(database)
        self.held: dict[str, Held] = {}
        self.bytes = 0
        """Of the contents of all that is held."""
        self.position = _position(Meta(database).get(Fact.FOLLOWED))
        self._noted = 0 if self.position is None else self.position.ordinal
        self._writing: dict[str, Item] = {}
        self._bytes_written = 0
        self._of_hash: dict[str, dict[str, Held]] = {}
        self._of_fiber: dict[str, dict[str, Held]] = {}
        self._arrivals = 0
        for stored in Pool(database).items():
            item = Item(
                stored.key,
                stored.hash,
                stored.fiber,
                stored.sequence,
                stored.arrival,
                stored.origin,
                stored.after,
                fee_of(stored.signed),
            )
            self._hold(Held(item, stored.signed))
            self._arrivals = stored.arrival

    def __len__(self) -> int:
        return len(self.held)

    @property
    def full(self) -> str | None:
        """Why no more may be taken, in words; None while there is room. What is being written counts."""
        items, size = len(self.held) + len(self._writing), self.bytes + self._bytes_written
        if items >= POOL_ITEMS_MAX:
            return f"{items} items wait on this node, its limit is {POOL_ITEMS_MAX}"
        if size >= POOL_BYTES_MAX:
            return f"{size} bytes of items wait on this node, its limit is {POOL_BYTES_MAX}"
        return None

    def item_of(self, update: Content) -> Item:
        """The name under which this node offers an update, or another item, that it acknowledges itself.

        Whatever was decided up to here about the same update was about an earlier submission: the sender has seen it,
        or could have, and may try again.
        """
        self._arrivals += 1
        return named(update, self._arrivals, self._me, 0 if self.position is None else self.position.ordinal)

    async def acknowledge(self, item: Item, signed: bytes) -> None:
        """Keeps a client's update; synced when this returns. It may be decided by then."""
        await self._put([Held(item, signed)], self._database.write)

    async def keep(self, contents: Iterable[Held]) -> None:
        """Keeps a peer's updates; synced when this returns."""
        undecided = [held for held in contents if not self.outcomes.is_decided(held.item.key, held.item.after)]
        await self._put(undecided, self._database.write_at_last)

    async def _put(self, contents: list[Held], write: Callable[[Write], Awaitable[Any]]) -> None:
        if not contents:
            return
        rows = [
            PoolItem(item.key, item.hash, item.fiber, item.sequence, held.signed, item.origin, item.after)
            for held in contents
            for item in [held.item]
        ]
        self._writing.update({held.item.key: held.item for held in contents})
        size = sum(len(held.signed) for held in contents)
        self._bytes_written += size
        try:
            await write(lambda connection: put_items(connection, rows))
            for held in contents:
                # Not among them any more: another write of it came first, or it was decided meanwhile.
                if held.item.key in self._writing:
                    self._hold(held)
        finally:
            self._bytes_written -= size
            for held in contents:
                self._writing.pop(held.item.key, None)

    def _hold(self, held: Held) -> None:
        if held.item.key not in self.held:
            self.held[held.item.key] = held
            self.bytes += len(held.signed)
            self._of_hash.setdefault(held.item.hash, {})[held.item.key] = held
            self._of_fiber.setdefault(held.item.fiber, {})[held.item.key] = held

    async def decide(self, decisions: Iterable[Outcome], position: Position | None) -> tuple[str, ...]:
        """Books what the chain decided about updates that are here, or being written, and how far it was followed.

        Returns the keys of those updates. One transaction, or none where there is nothing but a position: that is
        written now and then, for to follow some snapshots once more costs less than to write for each.
        """
        found = self._concerning(decisions)
        distance = 0 if position is None else abs(position.ordinal - self._noted)
        if found or distance >= POSITION_SNAPSHOTS_MAX or (position is not None and self._noted == 0):
            await self._book(found, position)
        for key in found:
            self._writing.pop(key, None)
            self._let_go(key)
        self.position = position or self.position
        return tuple(found)

    async def _book(self, found: Mapping[str, Outcome], position: Position | None) -> None:
        def book(connection: sqlite3.Connection) -> None:
            remove_items(connection, found)
            note_outcomes(connection, found.values())
            if position is not None:
                put_fact(connection, Fact.FOLLOWED, json.dumps([position.ordinal, position.hash, position.validators]))

        await self._database.write_at_last(book)
        self._noted = self._noted if position is None else position.ordinal

    async def withdraw(self, keys: Iterable[str]) -> None:
        """Takes out what its sender replaced. Nothing was decided about it; a peer that has it may bring it still."""
        held = [key for key in keys if key in self.held]
        await self._database.write(lambda connection: remove_items(connection, held))
        for key in held:
            self._let_go(key)

    def _concerning(self, decisions: Iterable[Outcome]) -> dict[str, Outcome]:
        """Of each update that is here, what was decided about this submission of it."""
        found: dict[str, Outcome] = {}
        for outcome in decisions:
            item = self.known(outcome.key)
            if item is not None and outcome.ordinal > item.after:
                found.setdefault(outcome.key, outcome)
        return found

    def _let_go(self, key: str) -> None:
        held = self.held.pop(key, None)
        if held is None:
            return
        self.bytes -= len(held.signed)
        for index, name in ((self._of_hash, held.item.hash), (self._of_fiber, held.item.fiber)):
            del index[name][key]
            if not index[name]:
                del index[name]

    def known(self, key: str) -> Item | None:
        """The name of what is held, or being written, under this key."""
        held = self.held.get(key)
        return self._writing.get(key) if held is None else held.item

    def waiting_of(self, update_hash: str) -> bool:
        """Is an update of this hash undecided here?"""
        return update_hash in self._of_hash

    def of_hash(self, item_hash: str) -> tuple[Held, ...]:
        """What is undecided here of this hash: several where copies have other proofs."""
        return tuple(self._of_hash.get(item_hash, {}).values())

    def of_fiber(self, fiber: str) -> tuple[Held, ...]:
        """What is undecided here about this fiber, in the order in which it came."""
        return tuple(self._of_fiber.get(fiber, {}).values())


def named(update: Content, arrival: int, origin: str, after: int) -> Item:
    """The name of an update, or another item, in blocks."""
    fee = ""
    if isinstance(update, NamedContent):
        sequence, fee = update.sequence, update.fee
    else:
        sequence = target_sequence_number_of(update.message)
    return Item(update.key, update.hash, update.fiber_id, sequence, arrival, origin, after, fee)


def _position(stored: str | None) -> Position | None:
    if stored is None:
        return None
    ordinal, snapshot_hash, *validators = json.loads(stored)
    return Position(ordinal, snapshot_hash, *map(tuple, validators))
