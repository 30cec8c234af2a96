"""What an L0 node received and has not seen in a committed snapshot yet.

At ML0 these are signed L1 blocks by their round id; at GL0 signed binaries by their hash, each with the certificate
that travels with it.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ottochain.store.database import Database

_PAGE_ITEMS: Final = 100
_COLUMNS: Final = "id, source, signed, proof, arrival"


@dataclass(frozen=True, slots=True)
class Received:
    """An event in the pool: ``id`` as above, ``source`` its sender or metagraph, ``proof`` what travels beside it."""

    id: str
    source: str
    signed: bytes
    proof: bytes | None = None
    arrival: int = 0


class Blocks:
    """Reads of the received events; the functions below write them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, event_id: str) -> Received | None:
        """The event with this id."""
        row = self._database.row(f"SELECT {_COLUMNS} FROM received WHERE id = ?", event_id)  # noqa: S608
        return None if row is None else Received(*row)

    def items(self) -> Iterator[Received]:
        """Everything, in order of arrival, read in pages: safe to write in between."""
        query = f"SELECT {_COLUMNS} FROM received WHERE arrival > ? ORDER BY arrival LIMIT {_PAGE_ITEMS}"  # noqa: S608
        rows = self._database.rows(query, 0)
        while rows:
            for row in rows:
                yield Received(*row)
            rows = self._database.rows(query, rows[-1][-1])

    def count(self) -> int:
        """How many events wait."""
        row = self._database.row("SELECT count(*) FROM received")
        assert row is not None
        return int(row[0])


def put_received(connection: sqlite3.Connection, events: Iterable[Received]) -> int:
    """Add events; returns how many were new. The first one under an id stays."""
    before = connection.total_changes
    connection.executemany(
        "INSERT INTO received (id, source, signed, proof) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        [(event.id, event.source, event.signed, event.proof) for event in events],
    )
    return connection.total_changes - before


def remove_received(connection: sqlite3.Connection, event_ids: Iterable[str]) -> int:
    """Remove events that a committed snapshot decided; returns how many were there."""
    before = connection.total_changes
    connection.executemany("DELETE FROM received WHERE id = ?", [(event_id,) for event_id in event_ids])
    return connection.total_changes - before
