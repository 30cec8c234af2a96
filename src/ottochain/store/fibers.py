"""The fibers at the chain's head, one row each, written by delta and read whole at boot.

A row is the JSON of a fiber's record. Its entry in the on-chain state follows from that and is not kept.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Final

from ottochain.store.database import Database

_PAGE_ROWS: Final = 1000


class Fibers:
    """Reads of the fibers; the function below writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, fiber: str) -> bytes | None:
        """One fiber's record."""
        row = self._database.row("SELECT record FROM fibers WHERE fiber = ?", fiber)
        return None if row is None else bytes(row[0])

    def items(self) -> Iterator[tuple[str, bytes]]:
        """All fibers by id with their records, read in pages."""
        query = f"SELECT fiber, record FROM fibers WHERE fiber > ? ORDER BY fiber LIMIT {_PAGE_ROWS}"  # noqa: S608
        rows = self._database.rows(query, "")
        while rows:
            yield from rows
            rows = self._database.rows(query, rows[-1][0])

    def count(self) -> int:
        """How many fibers there are."""
        row = self._database.row("SELECT count(*) FROM fibers")
        assert row is not None
        return int(row[0])


def put_fibers(connection: sqlite3.Connection, fibers: Mapping[str, bytes | None]) -> None:
    """Write the records of the fibers that changed; None removes one."""
    connection.executemany(
        "INSERT OR REPLACE INTO fibers (fiber, record) VALUES (?, ?)",
        [(fiber, record) for fiber, record in fibers.items() if record is not None],
    )
    connection.executemany(
        "DELETE FROM fibers WHERE fiber = ?", [(fiber,) for fiber, record in fibers.items() if record is None]
    )
