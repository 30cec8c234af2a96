"""Writes are durable and isolated, reads see only what is durable, foreign files are refused."""

import asyncio
import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ottochain.store import opening
from ottochain.store.database import Database
from ottochain.store.errors import (
    StoreBrokenError,
    StoreClosedError,
    StoreDamagedError,
    StoreFormatError,
    StoreWriteError,
)
from ottochain.store.schema import VERSION


def put(name: str, value: str = "v"):
    def write(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (name, value))
        return name

    return write


def names(database: Database) -> list[str]:
    return [row[0] for row in database.rows("SELECT name FROM meta ORDER BY name")]


async def test_a_write_answers_with_its_result_and_is_then_readable(database: Database) -> None:
    assert await database.write(put("a")) == "a"
    assert names(database) == ["a"]


def test_a_store_its_log_and_its_copy_are_for_their_owner_alone(tmp_path: Path) -> None:
    with Database.open(tmp_path / "node.sqlite") as database:
        database.write_now(put("a"))
        asyncio.run(database.copy_to(tmp_path / "node.sqlite-copy"))
        files = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert files == dict.fromkeys(("node.sqlite", "node.sqlite-copy", "node.sqlite-shm", "node.sqlite-wal"), 0o600)


def test_the_name_of_a_store_is_synced_at_every_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(opening, "sync_directory", synced.append)
    for _ in range(2):  # the first may have been killed before it came to that
        Database.open(tmp_path / "node.sqlite").close()
    assert synced == [tmp_path, tmp_path]


async def test_writes_of_one_tick_share_a_transaction(database: Database) -> None:
    before = database.transactions
    assert await asyncio.gather(*(database.write(put(f"n{i:02}")) for i in range(50))) == [
        f"n{i:02}" for i in range(50)
    ]
    assert database.transactions == before + 1


async def test_a_failing_write_takes_nothing_of_its_neighbours(database: Database) -> None:
    def half_done(connection: sqlite3.Connection) -> None:
        put("lost")(connection)
        raise ValueError("changed my mind")

    results = await asyncio.gather(
        database.write(put("a")),
        database.write(half_done),
        database.write(put("a")),  # the name is taken
        database.write(put("b")),
        return_exceptions=True,
    )
    assert results[0] == "a"
    assert isinstance(results[1], ValueError)
    assert isinstance(results[2], sqlite3.IntegrityError)
    assert results[3] == "b"
    assert names(database) == ["a", "b"]


async def test_a_write_that_commits_by_itself_is_refused_and_the_store_goes_on(database: Database) -> None:
    with pytest.raises(StoreWriteError, match="nothing of this transaction"):
        await database.write(lambda connection: connection.execute("COMMIT") and None)
    assert await database.write(put("a")) == "a"


async def test_a_cancelled_caller_does_not_stop_the_others(database: Database) -> None:
    cancelled = asyncio.ensure_future(database.write(put("a")))
    waiting = asyncio.ensure_future(database.write(put("b")))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert await waiting == "b"
    assert names(database) == ["a", "b"]


async def test_reads_in_a_snapshot_see_one_instant(database: Database) -> None:
    await database.write(put("a"))
    with database.snapshot():
        assert names(database) == ["a"]
        database.write_now(put("b"))
        assert names(database) == ["a"]
    assert names(database) == ["a", "b"]


def test_reads_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database.row("INSERT INTO meta (name, value) VALUES ('x', 'y')")


async def test_closing_finishes_what_is_queued(path: Path) -> None:
    database = Database.open(path)
    waiting = [asyncio.ensure_future(database.write(put(f"n{i}"))) for i in range(5)]
    await asyncio.sleep(0)
    database.close()
    database.close()
    await asyncio.gather(*waiting)
    with pytest.raises(StoreClosedError):
        await database.write(put("late"))
    with Database.open(path) as again:
        assert len(names(again)) == 5


async def test_after_a_disk_failure_every_write_is_refused_until_restart(database: Database) -> None:
    def disk_fails(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")  # as SQLite does on an I/O error
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR  # type: ignore[misc]
        raise error

    neighbour = asyncio.ensure_future(database.write(put("a")))
    with pytest.raises(sqlite3.OperationalError):
        await database.write(disk_fails)
    with pytest.raises(StoreBrokenError):
        await neighbour
    with pytest.raises(StoreBrokenError):
        await database.write(put("b"))
    assert isinstance(database.broken, StoreBrokenError)
    assert names(database) == []


async def test_a_full_disk_fails_the_write_and_leaves_the_store_usable(database: Database) -> None:
    def limit(pages: int):
        return lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchone()[0]

    used = await database.write(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await database.write(limit(used + 4))
    with pytest.raises((sqlite3.OperationalError, StoreWriteError), match="full"):
        await database.write(put("big", "x" * 1_000_000))
    assert database.broken is None
    await database.write(limit(1_000_000))
    assert await database.write(put("small")) == "small"


async def test_files_that_vanish_under_the_node_stop_it(database: Database, path: Path) -> None:
    path.with_name("node.sqlite-wal").unlink()
    await database.write(put("a"))
    with pytest.raises(StoreBrokenError, match="the write-ahead log is gone"):
        await database.write(put("b"))


def test_a_closed_loop_does_not_stop_the_writer(database: Database) -> None:
    async def leave_it() -> None:
        asyncio.ensure_future(database.write(put("a")))  # noqa: RUF006
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(leave_it())
    assert database.write_now(put("b")) == "b"
    assert names(database) == ["a", "b"]


def test_the_log_is_synced_with_every_commit(database: Database) -> None:
    pragmas = database.write_now(
        lambda c: [c.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "fullfsync")]
    )
    assert pragmas == ["wal", 2, 1]


def test_every_table_is_strict(database: Database) -> None:
    tables = database.rows("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    assert tables
    assert all("STRICT" in sql for _, sql in tables)


def test_the_log_does_not_grow_without_bound(database: Database, path: Path) -> None:
    for number in range(60):
        database.write_now(put(f"n{number}", "x" * 300_000))
    assert path.with_name("node.sqlite-wal").stat().st_size < 12_000_000


def test_a_newer_file_is_refused_and_left_as_it_is(path: Path) -> None:
    Database.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(StoreFormatError, match=f"newer release: its format is {VERSION + 1}"):
        Database.open(path)
    assert path.read_bytes() == before


def test_another_programs_file_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    with pytest.raises(StoreFormatError, match="not a node's store"):
        Database.open(path)


def test_what_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"this is not a database, it is a text file\n" * 100)
    with pytest.raises(StoreFormatError, match="not a SQLite file"):
        Database.open(path)


def test_a_damaged_file_is_refused(path: Path) -> None:
    with Database.open(path) as database:
        for number in range(50):
            database.write_now(put(f"n{number}", "x" * 5_000))
    damaged = bytearray(path.read_bytes())
    damaged[40_000:80_000] = b"\xa5" * 40_000
    path.write_bytes(damaged)
    with pytest.raises(StoreDamagedError):
        Database.open(path)


def test_a_file_killed_before_its_first_commit_opens(path: Path) -> None:
    path.touch()
    Database.open(path).close()
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    with Database.open(path) as database:
        assert names(database) == []
