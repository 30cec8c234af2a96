"""What became of every update the chain decided: the memory behind "applied once, or rejected with a reason"."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from ottochain.store.database import Database


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision over an update and its proofs: at ``ordinal``, accepted when ``reason`` is None.

    There is one for each time the update was submitted; a client may submit it again once it is decided.
    """

    key: str
    hash: str
    ordinal: int
    reason: str | None = None

    @property
    def accepted(self) -> bool:
        """True: applied to the state. False: rejected, with a reason."""
        return self.reason is None


class Outcomes:
    """Reads of the outcomes; the function below writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_decided(self, key: str, after: int = -1) -> bool:
        """True when the chain decided this update with these proofs above ordinal ``after``."""
        return self._database.row("SELECT 1 FROM outcomes WHERE key = ? AND ordinal > ?", key, after) is not None

    def of_key(self, key: str, after: int = -1) -> Outcome | None:
        """The newest outcome above ordinal ``after`` of an update with these proofs."""
        query = "SELECT key, hash, ordinal, reason FROM outcomes WHERE key = ? AND ordinal > ? ORDER BY ordinal DESC"
        row = self._database.row(query, key, after)
        return None if row is None else Outcome(*row)

    def of_hash(self, update_hash: str) -> list[Outcome]:
        """The outcomes of an update under any proofs: acceptances first, then the newest first."""
        rows = self._database.rows(
            "SELECT key, hash, ordinal, reason FROM outcomes WHERE hash = ? "
            "ORDER BY reason IS NOT NULL, ordinal DESC, key",
            update_hash,
        )
        return [Outcome(*row) for row in rows]

    def at(self, ordinal: int) -> list[Outcome]:
        """Everything one snapshot decided."""
        rows = self._database.rows(
            "SELECT key, hash, ordinal, reason FROM outcomes WHERE ordinal = ? ORDER BY key", ordinal
        )
        return [Outcome(*row) for row in rows]


def put_outcomes(connection: sqlite3.Connection, outcomes: Iterable[Outcome]) -> None:
    """Record decisions. A second one of a key at one ordinal raises sqlite3.IntegrityError."""
    connection.executemany(
        "INSERT INTO outcomes (key, hash, ordinal, reason) VALUES (?, ?, ?, ?)",
        [(outcome.key, outcome.hash, outcome.ordinal, outcome.reason) for outcome in outcomes],
    )


def note_outcomes(connection: sqlite3.Connection, outcomes: Iterable[Outcome]) -> None:
    """Record decisions heard of another node, perhaps for the second time."""
    connection.executemany(
        "INSERT INTO outcomes (key, hash, ordinal, reason) VALUES (?, ?, ?, ?) ON CONFLICT (key, ordinal) DO NOTHING",
        [(outcome.key, outcome.hash, outcome.ordinal, outcome.reason) for outcome in outcomes],
    )
