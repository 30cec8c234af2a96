"""The shell around an L1 node's core: events in, effects carried out in order, and conversations with peers.

A peer's message comes in a request of its own. What the core answers to that very peer goes back in the response, so
an offer and its co-signature cost one round trip.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ottochain.consensus.l1_block import L1State, step
from ottochain.consensus.l1_effects import (
    KeepItems,
    L1CancelTimer,
    L1Effect,
    L1Event,
    L1Message,
    L1Received,
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


@dataclass(slots=True)
class Conversation:
    """One request of a peer, and what the core says back to it."""

    peer: str
    replies: list[L1Message] = field(default_factory=list)
    done: asyncio.Future[None] | None = None


class L1Shell:
    """Runs one L1 core. ``tell`` an event, or ``hear`` a peer and get the replies to it."""

    def __init__(self, state: L1State, works: L1Works, *, beat: Callable[[], None] = lambda: None) -> None:
        self.state = state
        self._works = works
        self._beat = beat
        self._events: deque[tuple[L1Event, Conversation | None]] = deque()
        self._arrived = asyncio.Event()
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}

    def tell(self, event: L1Event) -> None:
        """Queues an event."""
        self._events.append((event, None))
        self._arrived.set()

    async def hear(self, peer: str, message: L1Message) -> Sequence[L1Message]:
        """Handles a peer's message; returns what the core answers to that peer."""
        conversation = Conversation(peer, done=asyncio.get_running_loop().create_future())
        assert conversation.done is not None
        self._events.append((L1Received(message), conversation))
        self._arrived.set()
        await conversation.done
        return conversation.replies

    async def run(self) -> None:
        """Handles events for ever. An exception ends the node."""
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._events:
                    await self._handle(*self._events.popleft())
                self._beat()
        finally:
            for timer in self._timers.values():
                timer.cancel()

    async def _handle(self, event: L1Event, conversation: Conversation | None) -> None:
        pending: deque[L1Event] = deque([event])
        while pending:
            self.state, effects = step(self.state, pending.popleft())
            for effect in effects:
                answer = await self._carry_out(effect, conversation)
                if answer is not None:
                    pending.append(answer)
        if conversation is not None and conversation.done is not None and not conversation.done.done():
            conversation.done.set_result(None)

    async def _carry_out(self, effect: L1Effect, conversation: Conversation | None) -> L1Event | None:
        match effect:
            case KeepItems():
                await self._works.keep(effect)
            case L1Validate():
                return self._works.validate(effect)
            case Release():
                await self._works.release(effect)
            case L1Send():
                if conversation is not None and effect.to == conversation.peer:
                    conversation.replies.append(effect.message)
                else:
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
        return None

    def _fire(self, timer: L1SetTimer) -> None:
        self._timers.pop((timer.name, timer.block), None)
        self.tell(L1TimerFired(timer.name, timer.block))

    def _stop_timer(self, name: str, block: str) -> None:
        if timer := self._timers.pop((name, block), None):
            timer.cancel()
