"""The shell around a validator's core: it feeds events, and carries the effects out in order.

The core (``consensus/core.py``) says *what* has to happen; here it happens. A ``Persist`` is awaited until it is synced
before the next effect begins, so nothing that depends on a vote leaves the node ahead of its record. Events are taken
one at a time, in the order they arrived.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from ottochain.consensus.core import State, step
from ottochain.consensus.effects import (
    Broadcast,
    Build,
    Built,
    CancelTimer,
    Commit,
    CommitFailed,
    Committed,
    Diverged,
    Effect,
    Event,
    NotBuilt,
    Persist,
    Send,
    Serve,
    SetTimer,
    TimerFired,
    Validate,
    Validated,
)
from ottochain.consensus.journal import encode_line

log = logging.getLogger(__name__)


class Decisions(Protocol):
    """What a layer answers to the core's questions, and how it keeps what the core wants kept."""

    async def build(self, ask: Build) -> Built | NotBuilt:
        """Build a value on the committed parent."""

    async def validate(self, ask: Validate) -> Validated:
        """Execute a proposed value and compare."""

    async def persist(self, ask: Persist) -> None:
        """Write vote records; synced when it returns."""

    async def commit(self, ask: Commit) -> Committed | CommitFailed:
        """Make a value final in one transaction, then announce it."""


class Transport(Protocol):
    """How messages reach the other validators."""

    def send(self, ask: Broadcast | Send | Serve) -> None:
        """Queues a message; never waits for the network."""


class Recorder:
    """Writes what the core was told and what it answered, one JSON line per step, for replay."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("ab")

    def write(self, line: bytes) -> None:
        self._file.write(line + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class ConsensusShell:
    """Runs one validator. ``tell`` an event and it is handled after those before it."""

    def __init__(
        self,
        state: State,
        decisions: Decisions,
        transport: Transport,
        *,
        recorder: Recorder | None = None,
        on_diverged: Callable[[Diverged], None] = lambda _: None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.state = state
        self._decisions = decisions
        self._transport = transport
        self._recorder = recorder
        self._on_diverged = on_diverged
        self._beat = beat
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def tell(self, event: Event) -> None:
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
            if self._recorder is not None:
                self._recorder.close()

    async def _handle(self, event: Event) -> None:
        before = self.state
        self.state, effects = step(before, event)
        if self._recorder is not None:
            self._recorder.write(encode_line(event, effects))
        if len(effects) == 2 and isinstance(effects[0], Persist) and isinstance(effects[1], Commit):
            # Nothing leaves the node between the two: both writes may share one sync, the votes ahead of the commit.
            writing = asyncio.ensure_future(self._decisions.persist(effects[0]))
            await asyncio.sleep(0)  # until its write is queued
            answer = await self._decisions.commit(effects[1])
            await writing
            self._events.appendleft(answer)
            return
        for effect in effects:
            reply = await self._carry_out(effect)
            if reply is not None:
                # Ahead of what arrived meanwhile: the core is waiting for exactly this.
                self._events.appendleft(reply)

    async def _carry_out(self, effect: Effect) -> Event | None:
        match effect:
            case Persist():
                await self._decisions.persist(effect)
            case Build():
                return await self._decisions.build(effect)
            case Validate():
                return await self._decisions.validate(effect)
            case Commit():
                return await self._decisions.commit(effect)
            case SetTimer():
                self._set_timer(effect)
            case CancelTimer():
                if timer := self._timers.pop(effect.name, None):
                    timer.cancel()
            case Broadcast() | Send() | Serve():
                self._transport.send(effect)
            case Diverged():
                log.error(
                    "diverged at height %d: ours %s, certified %s", effect.height, effect.ours, effect.theirs.hash
                )
                self._on_diverged(effect)
        return None

    def _set_timer(self, effect: SetTimer) -> None:
        if timer := self._timers.pop(effect.name, None):
            timer.cancel()
        fired = TimerFired(effect.name, effect.height, effect.view)
        self._timers[effect.name] = asyncio.get_running_loop().call_later(effect.milliseconds / 1000, self.tell, fired)
