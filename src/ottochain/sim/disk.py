"""A false disk: writes are lost unless they are synced, and the last one may be torn.

What is written is a log of records. A record is framed by its length and a checksum, as in SQLite's write-ahead log;
what a torn frame holds is not there.
"""

from __future__ import annotations

import zlib
from random import Random


class Disk:
    """What one machine keeps."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        """All that is synced."""
        self.pending: list[bytes] = []
        """Written since the last sync: in the memory of the operating system, and perhaps on the platter."""

    def append(self, record: bytes) -> None:
        """Writes; only a sync makes it durable."""
        self.pending.append(record)

    def sync(self) -> None:
        """All that was written is durable."""
        self.records += self.pending
        self.pending = []

    def process_dies(self) -> None:
        """The machine goes on: the operating system writes what it has."""
        self.sync()

    def power_fails(self, dice: Random, *, torn: bool) -> None:
        """What was not synced is gone; torn: a part of it, up to any byte, had reached the platter."""
        written = b"".join(map(framed, self.pending))
        self.pending = []
        if torn and written:
            self.records += readable(written[: dice.randrange(1, len(written))])


def framed(record: bytes) -> bytes:
    return len(record).to_bytes(4, "big") + zlib.crc32(record).to_bytes(4, "big") + record


def readable(written: bytes) -> list[bytes]:
    """The records of a log up to the first that is damaged."""
    found, at = [], 0
    while at + 8 <= len(written):
        end = at + 8 + int.from_bytes(written[at : at + 4], "big")
        record = written[at + 8 : end]
        if end > len(written) or zlib.crc32(record) != int.from_bytes(written[at + 4 : at + 8], "big"):
            break
        found.append(record)
        at = end
    return found
