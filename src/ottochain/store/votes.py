"""What this node signed in consensus, per height: read before it signs anything again.

A record is written, and synced, before its message is sent. Records never leave this disk: ``copy_to`` drops them,
nothing restores them.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from ottochain.store.database import Database


@dataclass(frozen=True, slots=True)
class Vote:
    """One record: the slot (what may be signed once) and the bytes that were signed, with the body they stand for."""

    height: int
    slot: str
    record: bytes


class Votes:
    """Reads of the vote records; the functions below write them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def at(self, height: int) -> dict[str, bytes]:
        """All records of a height, by slot."""
        return dict(self._database.rows("SELECT slot, record FROM votes WHERE height = ? ORDER BY slot", height))

    def last_height(self) -> int | None:
        """The highest height this node signed at."""
        row = self._database.row("SELECT max(height) FROM votes")
        return None if row is None else row[0]

    def last(self) -> list[Vote]:
        """The records of the highest height."""
        height = self.last_height()
        return [] if height is None else [Vote(height, slot, record) for slot, record in self.at(height).items()]


def put_votes(connection: sqlite3.Connection, height: int, records: Mapping[str, bytes]) -> None:
    """Write records of a height; one slot holds one record, the newest."""
    connection.executemany(
        "INSERT OR REPLACE INTO votes (height, slot, record) VALUES (?, ?, ?)",
        [(height, slot, record) for slot, record in records.items()],
    )


def forget_below(connection: sqlite3.Connection, height: int) -> None:
    """Drop the records of decided heights. The highest height stays whatever is asked: it is the proof of voting."""
    connection.execute(
        "DELETE FROM votes WHERE height < ? AND height < (SELECT max(height) FROM votes)",
        (height,),
    )
