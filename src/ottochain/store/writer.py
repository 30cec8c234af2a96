"""The writer thread: many writes, one transaction, one sync.

A batch is everything that was queued when the thread came back for more. Each job runs in a savepoint; the whole is
committed; only then is anybody told.
"""

import asyncio
import concurrent.futures
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ottochain.store.errors import StoreBrokenError, StoreWriteError

Write = Callable[[sqlite3.Connection], Any]

BATCH_JOBS_MAX: Final = 1024
CHECKPOINT_PAGES: Final = 1000
"""About how long the log gets before it is folded into the file: SQLite's own default."""
_LOG_GROWTH_BYTES_MAX: Final = 4 * 1024 * 1024

_FATAL: Final = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN}


@dataclass(slots=True)
class Job:
    """One write, who waits for it, and what it came to."""

    write: Write
    waiter: asyncio.Future[Any] | concurrent.futures.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Owns the writing connection and the thread that uses it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._log = _Log(connection, path.with_name(path.name + "-wal"))
        self._queue: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self.broken: StoreBrokenError | None = None
        self.transactions = 0
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, jobs: list[Job]) -> None:
        """Queue jobs that belong into one transaction."""
        self._queue.put(jobs)

    def close(self) -> None:
        """Carry out what is queued, fold the log into the file, and close the connection."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        closing = False
        while not closing:
            jobs, closing = self._next_batch()
            if jobs:
                self._carry_out(jobs)
                _tell(jobs)
                self._fold_log()
        with contextlib.suppress(sqlite3.Error):  # the log is complete without it
            if self.broken is None:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _next_batch(self) -> tuple[list[Job], bool]:
        """Wait for the first jobs and take along everything else that is queued; True when close was asked for."""
        item = self._queue.get()
        jobs: list[Job] = []
        while item is not None:
            jobs += item
            if len(jobs) >= BATCH_JOBS_MAX:
                return jobs, False
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _carry_out(self, jobs: list[Job]) -> None:
        if self.broken is not None:
            _fail(jobs, self.broken)
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            if len(jobs) == 1:
                self._run_alone(jobs[0])
            else:
                for job in jobs:
                    self._run_in_savepoint(job)
            if len(jobs) > 1 or jobs[0].error is None:
                self._connection.execute("COMMIT")
                self.transactions += 1
        except sqlite3.Error as error:
            _fail(jobs, self._after_failure(error))

    def _run_alone(self, job: Job) -> None:
        """Run the only job of a transaction, which needs no savepoint: when it fails, all of that goes. Each statement
        costs two changes of the thread that Python runs in."""
        try:
            job.result = job.write(self._connection)
        except BaseException as error:
            job.error = _as_lack_of_space(error)
            if not self._connection.in_transaction:
                raise _as_sqlite_error(error) from error
            self._connection.execute("ROLLBACK")

    def _run_in_savepoint(self, job: Job) -> None:
        """Run one job; its own exception stays its own, a loss of the transaction is everybody's."""
        connection = self._connection
        connection.execute("SAVEPOINT job")
        try:
            job.result = job.write(connection)
        except BaseException as error:
            job.error = _as_lack_of_space(error)
            if not connection.in_transaction:  # SQLite rolled everything back: disk full, I/O error
                raise _as_sqlite_error(error) from error
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")

    def _after_failure(self, error: sqlite3.Error) -> StoreWriteError:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as second:
            error = second
        if _code(error) not in _FATAL:
            return StoreWriteError(f"nothing of this transaction was written: {error}")
        # After a failed sync the kernel may have dropped the dirty pages: trying again could "succeed" without them.
        self.broken = StoreBrokenError(f"the disk failed while committing, restart the node: {error}")
        return self.broken

    def _fold_log(self) -> None:
        """After the answers are out, so that nobody waits for it."""
        if self.broken is None:
            try:
                self._log.committed()
            except sqlite3.Error as error:
                self._after_failure(error)
            except OSError as error:
                # The files were moved or deleted under the node: what it writes now nobody will find.
                self.broken = StoreBrokenError(f"the write-ahead log is gone: {error}")


class _Log:
    """When to fold the write-ahead log into the file.

    SQLite does it inside a COMMIT; here it happens between transactions. Only a checkpoint tells how long the log is,
    and its file never shrinks, so the next checkpoint is set by the pages per transaction that the last one saw, and
    brought forward when the file grows.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._size_bytes = 0
        self._transactions = 0
        self._interval = 64

    def committed(self) -> None:
        """Count a transaction; fold when it is time. Raises sqlite3.Error."""
        self._transactions += 1
        size_bytes = self._path.stat().st_size
        if self._transactions < self._interval and size_bytes - self._size_bytes < _LOG_GROWTH_BYTES_MAX:
            return
        _, pages, _ = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self._interval = min(max(self._transactions * CHECKPOINT_PAGES // max(pages, 1), 1), 1000)
        self._size_bytes = size_bytes
        self._transactions = 0


def _as_lack_of_space(error: BaseException) -> BaseException:
    """A statement for which the disk has no room says so before its transaction is lost."""
    if isinstance(error, sqlite3.OperationalError) and _code(error) == sqlite3.SQLITE_FULL:
        return StoreWriteError(f"nothing of it was written: {error}")
    return error


def _as_sqlite_error(error: BaseException) -> sqlite3.Error:
    if isinstance(error, sqlite3.Error):
        return error
    return sqlite3.OperationalError(f"a write ended the transaction it stood in: {error!r}")


def _fail(jobs: Iterable[Job], error: StoreWriteError) -> None:
    for job in jobs:
        job.error = job.error or error


def _tell(jobs: list[Job]) -> None:
    """Resolve every waiter; those of one event loop in one call, since waking it is the expensive part."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        if isinstance(job.waiter, asyncio.Future):
            by_loop.setdefault(job.waiter.get_loop(), []).append(job)
        else:
            _resolve([job])
    for loop, waiting in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, waiting)


def _resolve(jobs: list[Job]) -> None:
    for job in jobs:
        if job.waiter.done():  # the waiting task was cancelled; the write happened all the same
            continue
        if job.error is None:
            job.waiter.set_result(job.result)
        else:
            job.waiter.set_exception(job.error)


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
