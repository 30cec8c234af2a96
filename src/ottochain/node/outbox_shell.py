"""The shell around the outbox's core: binaries go to GL0 and go again, until a GL0 snapshot holds them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from ottochain.consensus.outbox import (
    Binary,
    Enqueued,
    Gl0Up,
    Included,
    OutboxBoot,
    OutboxCancelTimer,
    OutboxConfig,
    OutboxEffect,
    OutboxEvent,
    OutboxSetTimer,
    OutboxTimerFired,
    Remove,
    SendBinary,
    SendDone,
    initial,
    step,
)
from ottochain.node.supervisor import Supervisor

log = logging.getLogger(__name__)

Deliver = Callable[[int, int], Awaitable[str | None]]
"""``(ordinal, attempt)``: hands the binary to a GL0 node; None when it took it, else why not."""


class OutboxShell:
    """Steps are taken as events come: nothing in them waits."""

    def __init__(self, config: OutboxConfig, deliver: Deliver, supervisor: Supervisor) -> None:
        self._state = initial(config)
        self._deliver = deliver
        self._supervisor = supervisor
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._since: dict[int, float] = {}
        self.last_problem: str | None = None
        self._closed = False

    def boot(self, binaries: tuple[Binary, ...], leads: bool | None = None) -> None:
        """What GL0 does not hold, oldest first. ``leads``: whether GL0 took a binary of this node last, if known."""
        for binary in binaries:
            self._since[binary.ordinal] = time.monotonic()
        self._step(OutboxBoot(binaries, leads))

    def is_next(self, binary: Binary) -> bool:
        """Does it stand on the last one here?"""
        last = self._state.chain[-1:]
        return not last or (binary.ordinal, binary.previous) == (last[0].ordinal + 1, last[0].hash)

    def enqueue(self, binary: Binary) -> None:
        """A snapshot was committed."""
        self._since[binary.ordinal] = time.monotonic()
        self._step(Enqueued(binary))

    def included(self, binary_hash: str) -> None:
        """A GL0 snapshot holds this binary, which is this node's own."""
        self._step(Included(binary_hash, leads=True))

    def gl0_up(self) -> None:
        """GL0 can be reached again."""
        self._step(Gl0Up())

    @property
    def leads(self) -> bool | None:
        """Whether GL0 took a binary of this node last; None while that is not known."""
        return self._state.leads

    @property
    def depth(self) -> int:
        """How many binaries GL0 does not hold yet."""
        return self._state.depth

    @property
    def oldest_seconds(self) -> float | None:
        """For how long the oldest of them waits."""
        return round(time.monotonic() - min(self._since.values()), 3) if self._since else None

    def close(self) -> None:
        """Sends nothing more, and takes no answer to what is on its way."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()

    def _step(self, event: OutboxEvent) -> None:
        if self._closed:
            return
        self._state, effects = step(self._state, event)
        for effect in effects:
            self._carry_out(effect)

    def _carry_out(self, effect: OutboxEffect) -> None:
        match effect:
            case SendBinary():
                self._supervisor.background("deliver", self._send(effect))
            case OutboxSetTimer():
                self._stop_timer(effect.ordinal)
                self._timers[effect.ordinal] = asyncio.get_running_loop().call_later(
                    effect.milliseconds / 1000, self._step, OutboxTimerFired(effect.ordinal)
                )
            case OutboxCancelTimer():
                self._stop_timer(effect.ordinal)
            case Remove():
                for ordinal in effect.ordinals:
                    self._since.pop(ordinal, None)
                self.last_problem = None

    def _stop_timer(self, ordinal: int) -> None:
        if timer := self._timers.pop(ordinal, None):
            timer.cancel()

    async def _send(self, ask: SendBinary) -> None:
        try:
            problem = await self._deliver(ask.ordinal, ask.attempt)
        except Exception as error:
            log.exception("binary %d could not be delivered", ask.ordinal)
            problem = f"{type(error).__name__}: {error}"
        if problem is not None and problem != self.last_problem:
            log.warning("GL0 did not take binary %d: %s; it will be sent again", ask.ordinal, problem)
        self.last_problem = problem or self.last_problem
        self._step(SendDone(ask.ordinal, problem is None, problem or ""))
