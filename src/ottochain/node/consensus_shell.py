"""The shell around a validator's core: it feeds events, and carries the effects out in order.

The core (``consensus/core.py``) says *what* has to happen; here it happens. A ``Persist`` is awaited until it is synced
before the next effect begins, so nothing that depends on a vote leaves the node ahead of its record. Events are taken
one at a time, in the order they arrived.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from msgspec.structs import replace

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
from ottochain.node.core_shell import CoreShell

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


class ConsensusShell(CoreShell[Event]):
    """Runs one validator."""

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
        super().__init__(beat)
        self.state = state
        self._decisions = decisions
        self._transport = transport
        self._recorder = recorder
        self._on_diverged = on_diverged

    def let_vote(self) -> None:
        """A node that lost its vote record is no validator any more: once it is added anew, it may vote."""
        self.state = replace(self.state, may_vote=True)

    def _close(self) -> None:
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
            try:
                answer = await self._decisions.commit(effects[1])
            finally:
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
                fired = TimerFired(effect.name, effect.height, effect.view)
                self._start_timer(effect.name, effect.milliseconds, fired)
            case CancelTimer():
                self._stop_timer(effect.name)
            case Broadcast() | Send() | Serve():
                self._transport.send(effect)
            case Diverged():
                log.error(
                    "diverged at height %d: ours %s, certified %s", effect.height, effect.ours, effect.theirs.hash
                )
                self._on_diverged(effect)
        return None
