"""Snapshots by ordinal and hash, and the parts of the state that the newest of them left.

A snapshot's body is kept compressed: it is the content that goes to the global layer, byte for byte, so the outbox
refers to it instead of keeping it twice. Ordinal 0 is the full genesis.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ottochain.codec.wire import brotli_fast, brotli_plain, unbrotli
from ottochain.store.database import Database
from ottochain.store.errors import StoreError

_BODY_BYTES_MAX: Final = 1 << 30
"""Bound for unpacking our own bodies: far above anything a layer builds."""

_COLUMNS: Final = "ordinal, hash, body, header, proposal"


@dataclass(frozen=True, slots=True)
class Committed:
    """A snapshot as it is kept: ``body`` is brotli of the signed wire JSON, ``header`` the JSON beside it, and
    ``proposal`` brotli of the bytes that the validators voted on (none at a genesis).

    A metagraph's body is the content that goes to the global layer, compressed as the reference does. Whatever nobody
    else is to see is compressed as fast as can be.
    """

    ordinal: int
    hash: str
    body: bytes
    header: bytes
    proposal: bytes

    @classmethod
    def of(
        cls,
        ordinal: int,
        snapshot_hash: str,
        signed_wire: bytes,
        header: bytes,
        proposal: bytes = b"",
        *,
        goes_to_global: bool = True,
    ) -> "Committed":
        """Compress the signed wire JSON and the proposal."""
        body = brotli_plain(signed_wire) if goes_to_global else brotli_fast(signed_wire)
        return cls(ordinal, snapshot_hash, body, header, brotli_fast(proposal))

    @property
    def signed(self) -> bytes:
        """The signed snapshot's wire JSON, as the HTTP routes answer it."""
        return unbrotli(self.body, _BODY_BYTES_MAX)

    @property
    def proposed(self) -> bytes:
        """What the validators voted on; empty at a genesis."""
        return unbrotli(self.proposal, _BODY_BYTES_MAX)


class Chain:
    """Reads of the chain; the functions below write it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self) -> tuple[int, str] | None:
        """Ordinal and hash of the newest snapshot, without its body."""
        row = self._database.row("SELECT ordinal, hash FROM snapshots ORDER BY ordinal DESC LIMIT 1")
        return None if row is None else (row[0], row[1])

    def latest(self) -> Committed | None:
        """The newest snapshot."""
        return self._one("ORDER BY ordinal DESC LIMIT 1")

    def at(self, ordinal: int) -> Committed | None:
        """The snapshot with this ordinal."""
        return self._one("WHERE ordinal = ?", ordinal)

    def by_hash(self, snapshot_hash: str) -> Committed | None:
        """The snapshot with this hash."""
        return self._one("WHERE hash = ?", snapshot_hash)

    def hash_at(self, ordinal: int) -> str | None:
        """The hash alone, cheap."""
        row = self._database.row("SELECT hash FROM snapshots WHERE ordinal = ?", ordinal)
        return None if row is None else str(row[0])

    def header_at(self, ordinal: int) -> bytes | None:
        """The header alone, cheap."""
        row = self._database.row("SELECT header FROM snapshots WHERE ordinal = ?", ordinal)
        return None if row is None else bytes(row[0])

    def since(self, ordinal: int, limit: int) -> Iterator[Committed]:
        """At most ``limit`` snapshots from ``ordinal`` on, ascending; one query each, so a slow reader blocks none."""
        for number in range(ordinal, ordinal + limit):
            found = self.at(number)
            if found is None:
                return
            yield found

    def parts(self) -> dict[str, bytes]:
        """Every part of the state at the head, by name."""
        return dict(self._database.rows("SELECT name, body FROM state_parts ORDER BY name"))

    def _one(self, where: str, *parameters: int | str) -> Committed | None:
        row = self._database.row(f"SELECT {_COLUMNS} FROM snapshots {where}", *parameters)  # noqa: S608
        return None if row is None else Committed(*row)


def put_snapshot(connection: sqlite3.Connection, snapshot: Committed) -> None:
    """Append a snapshot. Raises StoreError unless it follows the newest one (any ordinal may be the first)."""
    newest: int | None = connection.execute("SELECT max(ordinal) FROM snapshots").fetchone()[0]
    if newest is not None and snapshot.ordinal != newest + 1:
        raise StoreError(f"snapshot {snapshot.ordinal} does not follow the newest one, {newest}")
    connection.execute(
        f"INSERT INTO snapshots ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608
        (snapshot.ordinal, snapshot.hash, snapshot.body, snapshot.header, snapshot.proposal),
    )


def put_parts(connection: sqlite3.Connection, parts: Mapping[str, bytes | None]) -> None:
    """Write the parts of the state that changed; None removes one."""
    for name, body in parts.items():
        if body is None:
            connection.execute("DELETE FROM state_parts WHERE name = ?", (name,))
        else:
            connection.execute("INSERT OR REPLACE INTO state_parts (name, body) VALUES (?, ?)", (name, body))


def cut_above(connection: sqlite3.Connection, ordinal: int) -> int:
    """Give up every snapshot above ``ordinal`` with what it decided; returns how many.

    Only for an operator's signed new incarnation. The caller writes the state of ``ordinal`` in the same
    transaction: the parts and fibers kept here are those of the head.
    """
    connection.execute("DELETE FROM outcomes WHERE ordinal > ?", (ordinal,))
    return connection.execute("DELETE FROM snapshots WHERE ordinal > ?", (ordinal,)).rowcount
