"""Ports that nobody listens on. All below 32768, where the kernel gives none to outgoing connections."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from itertools import islice
from typing import Final

FIRST: Final = 26_000
END: Final = 32_000
OFFSETS: Final = range(11_000, 16_000, 450)
"""Shifts for a stack of our own: its ports, 9000 to 9422, then lie below those above."""
STACK_PORTS: Final = tuple(
    base + 10 * index + kind
    for base, nodes in ((9000, 1), (9200, 4), (9300, 3), (9400, 3))
    for index in range(nodes)
    for kind in range(3)
)


def is_free(port: int) -> bool:
    """Could a listener have this port now, on the loopback address?"""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int, candidates: Iterable[int] = range(FIRST, END)) -> list[int]:
    """The first free ones. Raises ``LookupError`` when there are not so many."""
    found = list(islice(filter(is_free, candidates), count))
    if len(found) < count:
        raise LookupError(f"expected {count} free ports below {END}, found {len(found)}")
    return found


def free_offset(offsets: Iterable[int] = OFFSETS) -> int:
    """A port offset at which a whole stack finds its ports free. Raises ``LookupError`` when there is none."""
    for offset in offsets:
        if all(is_free(port + offset) for port in STACK_PORTS):
            return offset
    raise LookupError("another program listens in every range of ports that a stack could take")
