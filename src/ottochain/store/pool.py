"""Updates that were acknowledged and are not decided yet.

Keyed by value *and* proofs: the same update under somebody else's broken proofs is another item, and its rejection
says nothing about the owner's.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ottochain.store.database import Database

_PAGE_ITEMS: Final = 500
_COLUMNS: Final = "key, hash, fiber, sequence, signed, origin, after, arrival"


@dataclass(frozen=True, slots=True)
class PoolItem:
    """An undecided update: its signed wire JSON and what the proposer sorts by.

    ``origin`` is the node that acknowledged it; ``after`` the ordinal of the decision it was submitted again after;
    ``arrival`` is set by the store.
    """

    key: str
    hash: str
    fiber: str
    sequence: int | None
    signed: bytes
    origin: str
    after: int = 0
    arrival: int = 0


class Pool:
    """Reads of the pool; the functions below write it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> PoolItem | None:
        """The item with this key."""
        row = self._database.row(f"SELECT {_COLUMNS} FROM pool WHERE key = ?", key)  # noqa: S608
        return None if row is None else _item(row)

    def by_hash(self, update_hash: str) -> list[PoolItem]:
        """Every item of one update, in order of arrival: one per set of proofs."""
        query = f"SELECT {_COLUMNS} FROM pool WHERE hash = ? ORDER BY arrival"  # noqa: S608
        return [_item(row) for row in self._database.rows(query, update_hash)]

    def items(self) -> Iterator[PoolItem]:
        """Everything, in order of arrival, read in pages: safe to write in between."""
        query = f"SELECT {_COLUMNS} FROM pool WHERE arrival > ? ORDER BY arrival LIMIT {_PAGE_ITEMS}"  # noqa: S608
        rows = self._database.rows(query, 0)
        while rows:
            yield from map(_item, rows)
            rows = self._database.rows(query, rows[-1][-1])

    def count(self) -> int:
        """How many items are undecided."""
        row = self._database.row("SELECT count(*) FROM pool")
        assert row is not None
        return int(row[0])


def put_items(connection: sqlite3.Connection, items: Iterable[PoolItem]) -> int:
    """Add items; returns how many were new. An item that is there already stays as it is."""
    before = connection.total_changes
    connection.executemany(
        "INSERT INTO pool (key, hash, fiber, sequence, origin, after, signed) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (key) DO NOTHING",
        [(item.key, item.hash, item.fiber, item.sequence, item.origin, item.after, item.signed) for item in items],
    )
    return connection.total_changes - before


def remove_items(connection: sqlite3.Connection, keys: Iterable[str]) -> int:
    """Remove decided items; returns how many were there."""
    before = connection.total_changes
    connection.executemany("DELETE FROM pool WHERE key = ?", [(key,) for key in keys])
    return connection.total_changes - before


def _item(row: tuple[str, str, str, int | None, bytes, str, int, int]) -> PoolItem:
    return PoolItem(*row)
