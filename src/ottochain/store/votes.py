"""What this node signed in consensus, per height: read before it signs anything again.

A record is written, and synced, before its message is sent; what a record names (a proposal's body) is written with
it. Records never leave this disk: ``copy_to`` drops them, nothing restores them.
"""

import sqlite3
from collections.abc import Iterable, Mapping

from ottochain.store.database import Database


class Votes:
    """Reads of the vote records; the functions below write them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def at(self, height: int) -> list[bytes]:
        """All records of a height, in the order they were persisted."""
        rows = self._database.rows("SELECT record FROM votes WHERE height = ? ORDER BY number", height)
        return [row[0] for row in rows]

    def last_height(self) -> int | None:
        """The highest height this node has a record of."""
        row = self._database.row("SELECT max(height) FROM votes")
        return None if row is None else row[0]

    def body(self, reference: str) -> bytes | None:
        """The body that a record names."""
        row = self._database.row("SELECT body FROM bodies WHERE reference = ?", reference)
        return None if row is None else bytes(row[0])


def put_votes(
    connection: sqlite3.Connection, height: int, records: Iterable[bytes], bodies: Mapping[str, bytes] | None = None
) -> None:
    """Append records of a height, with the bodies they name. A body is put once, whatever names it."""
    connection.executemany("INSERT INTO votes (height, record) VALUES (?, ?)", [(height, each) for each in records])
    connection.executemany(
        "INSERT INTO bodies (reference, height, body) VALUES (?, ?, ?) ON CONFLICT (reference) DO NOTHING",
        [(reference, height, body) for reference, body in (bodies or {}).items()],
    )


def forget_votes(connection: sqlite3.Connection, height: int) -> None:
    """Drop the records and bodies of ``height`` and below: it is committed, nobody votes there again."""
    connection.execute("DELETE FROM votes WHERE height <= ?", (height,))
    connection.execute("DELETE FROM bodies WHERE height <= ?", (height,))
