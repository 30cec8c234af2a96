"""Blocks of ports for tests that start whole deployments: no two test runs on one machine get the same."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ottochain.ops.runtimes.host import is_taken

OFFSETS = range(9500, 22_501, 500)
"""Added to the guide's ports, which begin at 9000 and span 423: above them, below what the system hands out."""


@contextmanager
def a_port_offset() -> Iterator[int]:
    """An offset that nobody else has until the end. The lock dies with its holder."""
    folder = Path(tempfile.gettempdir()) / "ottochain-test-ports"
    folder.mkdir(exist_ok=True)
    for offset in OFFSETS:
        descriptor = os.open(folder / str(offset), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not any(is_taken(offset + port) for port in (9000, 9200, 9300, 9310, 9320, 9400, 9410, 9420)):
                yield offset
                return
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
    raise RuntimeError("every block of ports is taken")
