"""What became of every update the chain decided: the memory behind "applied once, or rejected with a reason"."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from ottochain.store.database import Database


@dataclass(frozen=True, slots=True)
class Outcome:
    """The one decision over an update and its proofs: at ``ordinal``, accepted when ``reason`` is None."""

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

    def is_decided(self, key: str) -> bool:
        """True when the chain accepted or rejected this update with these proofs."""
        return self._database.row("SELECT 1 FROM outcomes WHERE key = ?", key) is not None

    def of_key(self, key: str) -> Outcome | None:
        """The outcome of an update with these proofs."""
        row = self._database.row("SELECT key, hash, ordinal, reason FROM outcomes WHERE key = ?", key)
        return None if row is None else Outcome(*row)

    def of_hash(self, update_hash: str) -> list[Outcome]:
        """The outcomes of an update under any proofs: an acceptance first, then by ordinal."""
        rows = self._database.rows(
            "SELECT key, hash, ordinal, reason FROM outcomes WHERE hash = ? ORDER BY reason IS NOT NULL, ordinal, key",
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
    """Record decisions. A key that is decided already raises sqlite3.IntegrityError: exactly once is an invariant."""
    connection.executemany(
        "INSERT INTO outcomes (key, hash, ordinal, reason) VALUES (?, ?, ?, ?)",
        [(outcome.key, outcome.hash, outcome.ordinal, outcome.reason) for outcome in outcomes],
    )
