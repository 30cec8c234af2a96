"""The virtual clock: what happens next, and when. Nothing waits; time jumps from one entry to the next."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any


class Agenda:
    """Entries in the order of their time, and of their making when the time is the same."""

    def __init__(self) -> None:
        self.now = 0
        """Milliseconds since the run began."""
        self._entries: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._entries)

    def after(self, milliseconds: int, action: Callable[..., None], *arguments: Any) -> None:
        """Calls ``action`` that much later."""
        self._count += 1
        heapq.heappush(self._entries, (self.now + milliseconds, self._count, action, arguments))

    def run_until(self, time_ms: int) -> None:
        """Does everything that is due up to ``time_ms``; it is then that time."""
        entries = self._entries
        while entries and entries[0][0] <= time_ms:
            self.now, _, action, arguments = heapq.heappop(entries)
            action(*arguments)
        self.now = time_ms
