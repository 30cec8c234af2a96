"""The fibers at the chain's head, one row each, written by delta and read whole at boot."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ottochain.store.database import Database

_PAGE_ROWS: Final = 1000


@dataclass(frozen=True, slots=True)
class FiberRow:
    """A fiber's record (JSON) and its entry in the on-chain state (JSON; None when it has none)."""

    record: bytes
    onchain: bytes | None


class Fibers:
    """Reads of the fibers; the function below writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, fiber: str) -> FiberRow | None:
        """One fiber."""
        row = self._database.row("SELECT record, onchain FROM fibers WHERE fiber = ?", fiber)
        return None if row is None else FiberRow(*row)

    def items(self) -> Iterator[tuple[str, FiberRow]]:
        """All fibers by id, read in pages."""
        query = f"SELECT fiber, record, onchain FROM fibers WHERE fiber > ? ORDER BY fiber LIMIT {_PAGE_ROWS}"  # noqa: S608
        rows = self._database.rows(query, "")
        while rows:
            for fiber, record, onchain in rows:
                yield fiber, FiberRow(record, onchain)
            rows = self._database.rows(query, rows[-1][0])

    def count(self) -> int:
        """How many fibers there are."""
        row = self._database.row("SELECT count(*) FROM fibers")
        assert row is not None
        return int(row[0])


def put_fibers(connection: sqlite3.Connection, fibers: Mapping[str, FiberRow | None]) -> None:
    """Write the fibers that changed; None removes one."""
    connection.executemany(
        "INSERT OR REPLACE INTO fibers (fiber, record, onchain) VALUES (?, ?, ?)",
        [(fiber, row.record, row.onchain) for fiber, row in fibers.items() if row is not None],
    )
    connection.executemany("DELETE FROM fibers WHERE fiber = ?", [(f,) for f, row in fibers.items() if row is None])
