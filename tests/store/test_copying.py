"""A copy is of one instant, complete, checked, and holds no votes."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ottochain.store.database import Database
from ottochain.store.errors import StoreError
from ottochain.store.meta import Meta
from ottochain.store.votes import Votes, put_votes


def put_pair(number: int):
    """Two rows of two tables that belong together."""

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (f"pair{number}", "x" * 2_000))
        connection.execute("INSERT INTO state_parts (name, body) VALUES (?, ?)", (f"pair{number}", b"y" * 2_000))

    return write


async def test_copies_made_while_writing_are_consistent(tmp_path: Path) -> None:
    with Database.open(tmp_path / "node.sqlite") as database:
        done = asyncio.Event()

        async def write_on() -> int:
            number = 0
            while not done.is_set():
                await asyncio.gather(*(database.write(put_pair(number + i)) for i in range(10)))
                number += 10
            return number

        writing = asyncio.ensure_future(write_on())
        copies = []
        for number in range(5):
            await asyncio.sleep(0.05)
            copies.append(await database.copy_to(tmp_path / f"copy{number}.sqlite"))
        done.set()
        written = await writing
    sizes = []
    for copy in copies:
        with Database.open(copy.path) as opened:
            meta = {row[0] for row in opened.rows("SELECT name FROM meta WHERE name LIKE 'pair%'")}
            parts = {row[0] for row in opened.rows("SELECT name FROM state_parts")}
            assert meta == parts
            assert meta == {f"pair{i}" for i in range(len(meta))}
            sizes.append(len(meta))
    assert sizes == sorted(sizes)
    assert 0 < sizes[-1] <= written


def test_a_copy_is_one_file_and_leaves_no_part(tmp_path: Path) -> None:
    with Database.open(tmp_path / "node.sqlite") as database:
        database.write_now(put_pair(1))
        copy = asyncio.run(database.copy_to(tmp_path / "copies.sqlite"))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("copies")] == ["copies.sqlite"]
    assert copy.size_bytes == copy.path.stat().st_size
    assert (copy.ordinal, copy.hash) == (None, None)


async def test_a_copy_never_replaces_a_file(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("keep me")
    with Database.open(tmp_path / "node.sqlite") as database, pytest.raises(StoreError, match="exists already"):
        await database.copy_to(target)
    assert target.read_text() == "keep me"


async def test_an_interrupted_copy_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "copy.sqlite.part").write_bytes(b"half a copy")
    with Database.open(tmp_path / "node.sqlite") as database:
        await database.write(put_pair(1))
        copy = await database.copy_to(tmp_path / "copy.sqlite")
    with closing(sqlite3.connect(copy.path)) as connection:
        assert connection.execute("SELECT count(*) FROM state_parts").fetchone() == (1,)


async def test_votes_are_not_copied_and_the_copy_says_so(tmp_path: Path) -> None:
    with Database.open(tmp_path / "node.sqlite") as database:
        await database.write(
            lambda connection: put_votes(connection, 7, [b"nobody may repeat"], {"ref": b"nobody may repeat"})
        )
        copy = await database.copy_to(tmp_path / "copy.sqlite")
        assert not Meta(database).votes_lost()
        assert Votes(database).last_height() == 7
    assert b"nobody may repeat" not in copy.path.read_bytes()
    with Database.open(copy.path) as opened:
        assert Meta(opened).votes_lost()
        assert Votes(opened).last_height() is None
