"""The lease: one operation at a time changes a deployment. It is also the deployment's maintenance flag.

A file lock held by a living process, with a record of who holds it and a heartbeat. The kernel releases the lock when
the holder dies, however it dies; the record then says that an operation was cut off: until that one is resumed, aborted
or its lease broken with a reason, nothing else may change the deployment. What expires is the flag, never the refusal.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ottochain.ops.errors import LeaseHeld
from ottochain.ops.moments import utc_text
from ottochain.ops.runtimes import host

HEARTBEAT_SECONDS: Final = 2.0
FLAG_SECONDS: Final = 600.0
"""How long after the last heartbeat of a dead holder others still see maintenance under way."""
RECORD_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class Record:
    """Who holds the lease, or held it last. Times are seconds since 1970."""

    operation: str
    """What was asked, as one types it."""
    pid: int
    user: str
    host: str
    since: float
    heartbeat: float
    ended: bool = False
    number: int | None = None
    """The operation's number in the journal, once it has one."""

    @property
    def words(self) -> str:
        """Who, what, since when."""
        number = f" (operation {self.number})" if self.number is not None else ""
        return (
            f"`ottochain {self.operation}`{number} of {self.user} on {self.host}, process {self.pid}, "
            f"since {utc_text(self.since)}"
        )


class Held:
    """The lease while one holds it."""

    def __init__(self, descriptor: int, record: Record) -> None:
        self._descriptor = descriptor
        self._record = record
        self._guard = threading.Lock()
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._write(record)
        self._beating.start()

    def is_for(self, number: int) -> None:
        """The operation has a number now."""
        self._write(replace(self._record, number=number))

    def end(self) -> None:
        """Stop the heartbeat, and say in the record that this ended as it should."""
        self._over.set()
        self._beating.join()
        self._write(replace(self._record, ended=True, heartbeat=time.time()))

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS):
            self._write(replace(self._record, heartbeat=time.time()))

    def _write(self, record: Record) -> None:
        with self._guard:
            self._record = record
            line = json.dumps({name: getattr(record, name) for name in Record.__slots__}).encode()
            # Of one length and in one write: a reader never sees half of a new record with half of an old one.
            content = line.ljust(RECORD_BYTES) + b"\n"
            os.pwrite(self._descriptor, content, 0)
            os.ftruncate(self._descriptor, len(content))


@contextlib.contextmanager
def hold(file: Path, operation: str) -> Iterator[Held]:
    """Hold the lease while ``operation`` runs. Raises ``LeaseHeld``, naming the holder, when a living process holds it.

    Whether an operation that was cut off stands in the way is for the journal to tell, not looked at here.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LeaseHeld(
                f"another operation is changing this deployment: {holder(file)}.",
                next_step="wait until it has ended, then repeat the command; it is safe to run it twice.",
            ) from None
        now = time.time()
        held = Held(descriptor, Record(operation, os.getpid(), getpass.getuser(), socket.gethostname(), now, now))
        try:
            yield held
        finally:
            held.end()
    finally:
        os.close(descriptor)


def read(file: Path) -> Record | None:
    """The record, whoever wrote it; None when there is none, or none that can be read."""
    try:
        found = json.loads(file.read_bytes())
        return Record(**{name: found[name] for name in Record.__slots__})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def holder(file: Path) -> str:
    """Who holds it, in words."""
    record = read(file)
    return record.words if record else "a process that has not yet said who it is"


def lives(file: Path) -> bool:
    """Whether a living process holds the lease. The lock is only tried when the process named in the record is alive,
    so that asking disturbs nobody who wants to hold it."""
    record = read(file)
    return record is not None and not record.ended and host.is_alive(record.pid) and host.is_locked(file)


def maintenance(file: Path, now: float) -> Record | None:
    """The flag: the operation that changes the deployment now, for those who watch and heal. It lasts as long as its
    holder lives; after a holder's death ``FLAG_SECONDS`` from the last heartbeat. ``now``: seconds since 1970."""
    record = read(file)
    if record is None or record.ended:
        return None
    return record if lives(file) or now - record.heartbeat < FLAG_SECONDS else None
