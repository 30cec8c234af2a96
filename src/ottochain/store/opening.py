"""Open the file: settings, schema version, integrity."""

import os
import sqlite3
from pathlib import Path
from typing import Final

from ottochain.store.errors import StoreDamagedError, StoreFormatError
from ottochain.store.schema import APPLICATION_ID, MIGRATIONS, VERSION

QUICK_CHECK_BYTES_MAX: Final = 256 * 1024 * 1024
"""Larger files are not read through at every start; ``copy_to`` and the doctor check those."""

_BUSY_TIMEOUT_S: Final = 5.0


def open_writer(path: Path) -> sqlite3.Connection:
    """Open or create the file at ``path`` and bring its tables to this release's version.

    Raises StoreFormatError for a foreign or newer file and StoreDamagedError for an inconsistent one; both leave the
    file as it was.
    """
    create_private(path)
    fresh = path.stat().st_size == 0
    connection = _connect(path)
    try:
        if fresh:
            connection.execute("PRAGMA journal_mode=WAL")
        else:
            _check_origin(connection, path)
            _check_integrity(connection, path)
            connection.execute("PRAGMA journal_mode=WAL")  # a copy comes as a single file, without a log
        _make_durable(connection)
        _migrate(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _translate(error, path) from error
    except BaseException:
        connection.close()
        raise
    # The file's name, too, has to survive a power cut. At every start, since the first may have been killed before.
    sync_directory(path.parent)
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that can only read."""
    connection = _connect(path)
    connection.execute("PRAGMA query_only=ON")
    return connection


def create_private(path: Path) -> None:
    """Create the file unless it exists, for its owner alone: ML0's holds the secrets of webhooks. SQLite gives the
    log beside it the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def quick_check(connection: sqlite3.Connection, path: Path) -> None:
    """Read the whole file through; raises StoreDamagedError with SQLite's first finding."""
    finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if finding != "ok":
        raise StoreDamagedError(f"{path} is damaged: {finding}")


def sync_directory(directory: Path) -> None:
    """Make names created or replaced in ``directory`` durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _connect(path: Path) -> sqlite3.Connection:
    # The writer's connection is opened by the boot thread and then used by the writer thread alone.
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def _make_durable(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    # macOS's fsync leaves data in the drive's cache; these two ask for F_FULLFSYNC there and are no-ops elsewhere.
    connection.execute("PRAGMA fullfsync=ON")
    connection.execute("PRAGMA checkpoint_fullfsync=ON")
    connection.execute("PRAGMA foreign_keys=ON")
    # Some builds of SQLite overwrite what is deleted with zeros. That is two fifths of all that a node would write,
    # as every block and binary that was received is deleted again; who can read this file can read all the rest of it.
    connection.execute("PRAGMA secure_delete=OFF")
    # Savepoints of a large transaction spill into a file that is made and removed each time; memory does as well.
    connection.execute("PRAGMA temp_store=MEMORY")
    # The writer checkpoints by itself, after it has answered (see writer.py).
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("PRAGMA journal_size_limit=67108864")


def _check_origin(connection: sqlite3.Connection, path: Path) -> None:
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        if application == 0 and version == 0 and not connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            return  # created, and killed before its tables were committed
        raise StoreFormatError(f"{path} is a SQLite file, but not a node's store (application id {application:#x})")
    if version > VERSION:
        raise StoreFormatError(
            f"{path} was written by a newer release: its format is {version}, this release knows up to {VERSION}. "
            "Start the newer release, or restore a backup made before the update."
        )


def _check_integrity(connection: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size <= QUICK_CHECK_BYTES_MAX:
        quick_check(connection, path)


def _migrate(connection: sqlite3.Connection) -> None:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    for step in range(version, VERSION):
        # executescript() would commit by itself; one script holds the step and its version number together.
        connection.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[step]}; "
            f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={step + 1}; COMMIT;"
        )


def _translate(error: sqlite3.DatabaseError, path: Path) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return StoreFormatError(f"{path} is not a SQLite file")
    if code == sqlite3.SQLITE_CORRUPT:
        return StoreDamagedError(f"{path} is damaged: {error}")
    return error
