"""A node's data directory and the lock that one living process holds on it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

LOCK_NAME: Final = "node.lock"
STORE_NAME: Final = "node.sqlite"

_HOLDER_BYTES_MAX: Final = 4096


class DataDirectoryInUse(Exception):  # noqa: N818  what happened
    """Another process works on this directory."""


@contextlib.contextmanager
def locked(directory: Path, layer: str, node_id: str) -> Iterator[None]:
    """Holds ``node.lock`` for the duration; the kernel releases it however the process ends.

    The file says who holds it: ``{"pid","started","layer","id"}``. Raises ``DataDirectoryInUse`` naming the holder.
    """
    path = directory / LOCK_NAME
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryInUse(f"{directory} is in use by {_holder(descriptor)}") from None
        holder = {
            "pid": os.getpid(),
            "started": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "layer": layer,
            "id": node_id,
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode() + b"\n", 0)
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, _HOLDER_BYTES_MAX, 0))
        return f"process {holder['pid']} ({holder['layer']} {holder['id'][:8]}, since {holder['started']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
