"""What can go wrong with a node's store.

``StoreError``
    ``StoreFormatError``  the file is not ours, or a newer release wrote it: nothing was touched
    ``StoreDamagedError``      SQLite finds the file inconsistent: restore a backup or let the node download
    ``StoreWriteError``   this write is not durable; the node may go on
        ``StoreBrokenError``   the disk failed under a commit: what is durable is unknown, the node must stop
    ``StoreClosedError``       a write after ``close``
"""


class StoreError(Exception):
    """The family of everything below."""


class StoreFormatError(StoreError):
    """The file is not a node's store, or a newer release wrote it."""


class StoreDamagedError(StoreError):
    """SQLite's own check found the file inconsistent."""


class StoreWriteError(StoreError):
    """A transaction was rolled back; none of its writes happened."""


class StoreBrokenError(StoreWriteError):
    """The disk failed while committing. Every later write fails with this too, until the node is restarted."""


class StoreClosedError(StoreError):
    """The store has been closed."""
