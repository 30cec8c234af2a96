"""The shell around an L1 node's core: events in, effects carried out in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from ottochain.consensus.l1_block import L1State, step
from ottochain.consensus.l1_effects import (
    KeepItems,
    L1CancelTimer,
    L1Effect,
    L1Event,
    L1Send,
    L1SetTimer,
    L1TimerFired,
    L1Validate,
    L1Validated,
    Release,
    Submit,
)


class L1Works(Protocol):
    """What the node does for its core."""

    async def keep(self, ask: KeepItems) -> None:
        """Write a peer's items; synced when it returns."""

    def validate(self, ask: L1Validate) -> L1Validated:
        """Check a peer's items as if clients had sent them."""

    async def release(self, ask: Release) -> None:
        """Delete decided items from the pool."""

    def send(self, ask: L1Send) -> None:
        """Queues a message to a peer; never waits for the network."""

    def submit(self, ask: Submit) -> None:
        """Starts handing a block to ML0; never waits for the network."""


class L1Shell:
    """Runs one L1 core. ``tell`` an event and it is handled after those before it."""

    def __init__(self, state: L1State, works: L1Works, *, beat: Callable[[], None] = lambda: None) -> None:
        self.state = state
        self._works = works
        self._beat = beat
        self._events: deque[L1Event] = deque()
        self._arrived = asyncio.Event()
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}

    def tell(self, event: L1Event) -> None:
        """Queues an event."""
        self._events.append(event)
        self._arrived.set()

    async def run(self) -> None:
        """Handles events for ever. An exception ends the node."""
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._events:
                    self.state, effects = step(self.state, self._events.popleft())
                    for effect in effects:
                        await self._carry_out(effect)
                self._beat()
        finally:
            for timer in self._timers.values():
                timer.cancel()

    async def _carry_out(self, effect: L1Effect) -> None:
        match effect:
            case KeepItems():
                await self._works.keep(effect)
            case L1Validate():
                self.tell(self._works.validate(effect))
            case Release():
                await self._works.release(effect)
            case L1Send():
                self._works.send(effect)
            case Submit():
                self._works.submit(effect)
            case L1SetTimer():
                self._stop_timer(effect.name, effect.block)
                self._timers[effect.name, effect.block] = asyncio.get_running_loop().call_later(
                    effect.milliseconds / 1000, self._fire, effect
                )
            case L1CancelTimer():
                self._stop_timer(effect.name, effect.block)

    def _fire(self, timer: L1SetTimer) -> None:
        self._timers.pop((timer.name, timer.block), None)
        self.tell(L1TimerFired(timer.name, timer.block))

    def _stop_timer(self, name: str, block: str) -> None:
        if timer := self._timers.pop((name, block), None):
            timer.cancel()
