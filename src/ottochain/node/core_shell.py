"""What the shells of all cores have in common: events one at a time, in their order, and timers that become events."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

EventT = TypeVar("EventT")


class CoreShell(ABC, Generic[EventT]):
    """Runs one core. What is told is handled after what was told before; ``beat`` is called when nothing is left."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._events: deque[EventT] = deque()
        self._arrived = asyncio.Event()
        self._timers: dict[Hashable, asyncio.TimerHandle] = {}

    @abstractmethod
    async def _handle(self, event: EventT) -> None:
        """Gives an event to the core and carries out what it asks for."""

    def _close(self) -> None:
        """Called when the shell has ended."""

    @property
    def backlog(self) -> int:
        """How many events wait."""
        return len(self._events)

    def tell(self, event: EventT) -> None:
        """Queues an event."""
        self._events.append(event)
        self._arrived.set()

    async def run(self) -> None:
        """Handles events for ever. An exception ends the node: a broken invariant must not go on."""
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._events:
                    await self._handle(self._events.popleft())
                self._beat()
        finally:
            for timer in self._timers.values():
                timer.cancel()
            self._close()

    def _start_timer(self, name: Hashable, milliseconds: int, fired: EventT) -> None:
        """One timer per name: a new one replaces the old."""
        self._stop_timer(name)
        self._timers[name] = asyncio.get_running_loop().call_later(milliseconds / 1000, self._fire, name, fired)

    def _stop_timer(self, name: Hashable) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()

    def _fire(self, name: Hashable, fired: EventT) -> None:
        self._timers.pop(name, None)
        self.tell(fired)
