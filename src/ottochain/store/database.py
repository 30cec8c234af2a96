"""The node's one SQLite file: durable writes, reads of what is durable, copies while running."""

import asyncio
import concurrent.futures
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from ottochain.store.copying import Copy, copy_database
from ottochain.store.errors import StoreBrokenError, StoreClosedError, StoreWriteError
from ottochain.store.opening import open_reader, open_writer
from ottochain.store.writer import Job, Writer

log = logging.getLogger(__name__)

T = TypeVar("T")

SPACE_SECONDS: Final = 0.25
"""Between two looks whether a full disk has space again."""


class Database:
    """A node's store. Open it in the thread that runs the event loop; that thread reads, a second one writes.

    ``await write(fn)`` runs ``fn(connection)`` in the writer thread and returns its result once it is synced to
    disk. ``fn`` must neither commit nor keep the connection. ``row`` and ``rows`` read on the calling thread.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = Writer(open_writer(path), path)
        self._reader = open_reader(path)
        self._tick: list[Job] = []
        self._closed = False

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the store. Raises StoreFormatError, StoreDamagedError."""
        return cls(path)

    @property
    def broken(self) -> StoreBrokenError | None:
        """Why the node must stop, or None while the disk is sound."""
        return self._writer.broken

    @property
    def transactions(self) -> int:
        """Transactions committed since the store was opened."""
        return self._writer.transactions

    async def write(self, write: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``write`` in the next transaction; returns after that is on disk.

        Raises what ``write`` raised (nothing of it was kept), StoreWriteError or StoreBrokenError when the transaction
        was lost, StoreClosedError. A cancelled caller does not undo its write.
        """
        self._check_open()
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        self._tick.append(Job(write, waiter))
        if len(self._tick) == 1:
            # Handed over when the callbacks that are ready now have run: their writes share the sync.
            loop.call_soon(self._hand_over)
        return await waiter

    async def write_at_last(self, write: Callable[[sqlite3.Connection], T]) -> T:
        """As ``write``, but what could not be written is tried again until there is space: for what must be on disk
        before its node goes on. Raises StoreBrokenError, StoreClosedError, and what ``write`` raised."""
        told = False
        while True:
            try:
                return await self.write(write)
            except StoreBrokenError:
                raise
            except StoreWriteError as error:
                if not told:
                    log.error("%s; it is tried again until there is space", error)
                told = True
                await asyncio.sleep(SPACE_SECONDS)

    def write_now(self, write: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``write`` and wait for the disk: for boot and for programs without an event loop."""
        self._check_open()
        waiter: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._hand_over()
        self._writer.submit([Job(write, waiter)])
        return waiter.result()

    def row(self, sql: str, *parameters: Any) -> Any | None:
        """The first row of a query, or None."""
        cursor = self._reader.execute(sql, parameters)
        try:
            return cursor.fetchone()
        finally:
            cursor.close()  # an open cursor would hold the log back from being folded in

    def rows(self, sql: str, *parameters: Any) -> list[Any]:
        """All rows of a query."""
        return self._reader.execute(sql, parameters).fetchall()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads inside see one instant. Keep it short, and do not await inside."""
        self._reader.execute("BEGIN")
        try:
            yield
        finally:
            self._reader.execute("COMMIT")

    async def copy_to(self, target: Path) -> Copy:
        """Write a consistent copy beside the running node; ``target`` must not exist yet. See copying.py."""
        self._check_open()
        return await asyncio.to_thread(copy_database, self.path, target)

    def close(self) -> None:
        """Finish what is queued and close. Idempotent."""
        if self._closed:
            return
        self._hand_over()
        self._closed = True
        self._reader.close()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hand_over(self) -> None:
        if self._tick:
            jobs, self._tick = self._tick, []
            self._writer.submit(jobs)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError(f"{self.path} is closed")
