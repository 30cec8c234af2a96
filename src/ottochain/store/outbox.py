"""Binaries on their way to the global layer. A row is written with the snapshot it carries and stays; ``included``
says which certified global snapshot holds it. The content is the snapshot's own body (see chain.py).

With several validators each has its own set of proofs on a snapshot, and so its own binaries; the global layer takes
one of them. What it took is the truth: ``confirm_other`` notes it, and ``rechain`` puts the binaries that are still on
their way onto it.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from ottochain.store.database import Database


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A binary as it is put in: its place in the chain of binaries, its hash, and the proofs over it (JSON)."""

    ordinal: int
    previous: str
    hash: str
    proofs: bytes


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A binary as it is sent: the row, its content, and the header of the snapshot inside (with the certificate)."""

    row: OutboxRow
    content: bytes
    header: bytes


class Outbox:
    """Reads of the outbox; the functions below write it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self) -> OutboxRow | None:
        """The newest binary, confirmed or not: the next one names its hash."""
        row = self._database.row("SELECT ordinal, previous, hash, proofs FROM outbox ORDER BY ordinal DESC LIMIT 1")
        return None if row is None else OutboxRow(*row)

    def pending(self, limit: int) -> list[OutboxEntry]:
        """The oldest unconfirmed binaries, contiguous by construction."""
        rows = self._database.rows(
            "SELECT o.ordinal, o.previous, o.hash, o.proofs, s.body, s.header "
            "FROM outbox AS o JOIN snapshots AS s USING (ordinal) "
            "WHERE o.included IS NULL ORDER BY o.ordinal LIMIT ?",
            limit,
        )
        return [OutboxEntry(OutboxRow(*row[:4]), row[4], row[5]) for row in rows]

    def pending_rows(self) -> list[OutboxRow]:
        """Every unconfirmed binary, oldest first, without its content."""
        query = "SELECT ordinal, previous, hash, proofs FROM outbox WHERE included IS NULL ORDER BY ordinal"
        return [OutboxRow(*row) for row in self._database.rows(query)]

    def entry(self, ordinal: int) -> OutboxEntry | None:
        """The binary of one snapshot, ready to be sent."""
        row = self._database.row(
            "SELECT o.ordinal, o.previous, o.hash, o.proofs, s.body, s.header "
            "FROM outbox AS o JOIN snapshots AS s USING (ordinal) WHERE o.ordinal = ?",
            ordinal,
        )
        return None if row is None else OutboxEntry(OutboxRow(*row[:4]), row[4], row[5])

    def at(self, ordinal: int) -> str | None:
        """The hash of the binary of one snapshot."""
        row = self._database.row("SELECT hash FROM outbox WHERE ordinal = ?", ordinal)
        return None if row is None else str(row[0])

    def depth(self) -> int:
        """How many binaries are not confirmed."""
        row = self._database.row("SELECT count(*) FROM outbox WHERE included IS NULL")
        assert row is not None
        return int(row[0])

    def included(self, binary_hash: str) -> int | None:
        """The global ordinal that holds this binary, or None."""
        row = self._database.row("SELECT included FROM outbox WHERE hash = ?", binary_hash)
        return None if row is None else row[0]

    def last_included(self) -> tuple[int, str] | None:
        """Ordinal and binary hash of the newest confirmed binary: certified history that no rollback passes."""
        row = self._database.row(
            "SELECT ordinal, hash FROM outbox WHERE included IS NOT NULL ORDER BY ordinal DESC LIMIT 1"
        )
        return None if row is None else (row[0], row[1])


def binary_at(connection: sqlite3.Connection, ordinal: int) -> str | None:
    """The hash of the binary of one snapshot, inside a write."""
    row = connection.execute("SELECT hash FROM outbox WHERE ordinal = ?", (ordinal,)).fetchone()
    return None if row is None else str(row[0])


def put_binary(connection: sqlite3.Connection, row: OutboxRow) -> None:
    """Add the binary of a snapshot that the same transaction, or an earlier one, has put."""
    connection.execute(
        "INSERT INTO outbox (ordinal, previous, hash, proofs) VALUES (?, ?, ?, ?)",
        (row.ordinal, row.previous, row.hash, row.proofs),
    )


def confirm(connection: sqlite3.Connection, binary_hashes: Iterable[str], global_ordinal: int) -> int:
    """Note that a certified global snapshot holds these binaries; returns how many were news.

    The newest match confirms everything before it: a chain that holds it holds its ancestors.
    """
    newest: int | None = None
    for binary_hash in binary_hashes:
        row = connection.execute("SELECT ordinal FROM outbox WHERE hash = ?", (binary_hash,)).fetchone()
        if row is not None and (newest is None or row[0] > newest):
            newest = row[0]
    if newest is None:
        return 0
    return connection.execute(
        "UPDATE outbox SET included = ? WHERE included IS NULL AND ordinal <= ?", (global_ordinal, newest)
    ).rowcount


def confirm_other(connection: sqlite3.Connection, ordinal: int, binary_hash: str, global_ordinal: int) -> None:
    """Note that the global layer holds another validator's binary of this snapshot. What comes after it must be made
    again: see ``rechain``.
    """
    connection.execute("UPDATE outbox SET hash = ? WHERE ordinal = ?", (binary_hash, ordinal))
    confirm(connection, [binary_hash], global_ordinal)


def unconfirm_above(connection: sqlite3.Connection, ordinal: int) -> int:
    """Take back what was noted of binaries above ``ordinal``: the global layer was restored, and does not hold them any
    more. Returns how many.
    """
    query = "UPDATE outbox SET included = NULL WHERE included IS NOT NULL AND ordinal > ?"
    return connection.execute(query, (ordinal,)).rowcount


def contents_above(connection: sqlite3.Connection, ordinal: int) -> list[tuple[int, bytes]]:
    """Ordinal and content of the binaries above ``ordinal``, oldest first."""
    query = "SELECT ordinal, body FROM outbox JOIN snapshots USING (ordinal) WHERE ordinal > ? ORDER BY ordinal"
    return connection.execute(query, (ordinal,)).fetchall()


def rechain(connection: sqlite3.Connection, rows: Iterable[OutboxRow]) -> None:
    """Replace unconfirmed binaries, oldest first, by the same snapshots on another binary. Confirmed rows stay."""
    connection.executemany(
        "UPDATE outbox SET previous = ?, hash = ?, proofs = ? WHERE ordinal = ? AND included IS NULL",
        [(row.previous, row.hash, row.proofs, row.ordinal) for row in rows],
    )
