"""A consistent copy of a store whose node goes on writing.

SQLite's backup reads all pages in one read transaction: the copy is the state of one instant, and in WAL mode the
writer does not wait for it. The copy appears under its final name only after it was checked and synced; a copy that
was interrupted leaves a ``.part`` file that nothing takes for a copy.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ottochain.store.errors import StoreError
from ottochain.store.opening import create_private, open_reader, quick_check, sync_directory

VOTES_LOST: Final = "votesLost"
"""The name in ``meta`` that says: this file came without the vote record its node once had."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A finished copy: its file, its size, and the chain's head in it (None before the first snapshot)."""

    path: Path
    size_bytes: int
    ordinal: int | None
    hash: str | None


def copy_database(source: Path, target: Path) -> Copy:
    """Copy the store at ``source`` to ``target``. Raises StoreError when ``target`` exists."""
    if target.exists():
        raise StoreError(f"{target} exists already; a copy never replaces a file")
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    try:
        create_private(part)
        head = _copy_pages(source, part)
        _sync_file(part)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    sync_directory(target.parent)
    return Copy(target, target.stat().st_size, *head)


def _copy_pages(source: Path, part: Path) -> tuple[int | None, str | None]:
    with closing(open_reader(source)) as reader, closing(sqlite3.connect(part, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=OFF")
        writer.execute("PRAGMA synchronous=OFF")  # synced as a whole afterwards
        reader.backup(writer, pages=-1)
        writer.execute("PRAGMA journal_mode=DELETE")  # one file, no log beside it
        _forget_votes(writer)
        quick_check(writer, part)
        head = writer.execute("SELECT ordinal, hash FROM snapshots ORDER BY ordinal DESC LIMIT 1").fetchone()
    return head or (None, None)


def _forget_votes(connection: sqlite3.Connection) -> None:
    """A node that started from a copy with its votes could sign a second, different vote for the same view."""
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("BEGIN")
    connection.execute("DELETE FROM votes")
    connection.execute("DELETE FROM bodies")
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, 'true')", (VOTES_LOST,))
    connection.execute("COMMIT")


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
