"""The lease: one operation at a time changes a deployment.

A file lock held by a living process, with a record of who holds it. The kernel releases it when the holder dies,
however it dies; the record then only tells who was here last.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from ottochain.ops.errors import LeaseHeld


@contextlib.contextmanager
def hold(file: Path, operation: str) -> Iterator[None]:
    """Hold the lease while ``operation`` runs. Raises ``LeaseHeld``, naming the holder, when it is taken."""
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
        record = json.dumps(_me(operation)).encode() + b"\n"
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, record, 0)
        yield
    finally:
        os.close(descriptor)


def holder(file: Path) -> str:
    """Who holds it, in words."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return (
            f"`ottochain {found['operation']}` of {found['user']} on {found['host']}, process {found['pid']}, "
            f"since {found['since']}"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that has not yet said who it is"


def _me(operation: str) -> dict[str, object]:
    return {
        "operation": operation,
        "pid": os.getpid(),
        "user": getpass.getuser(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
