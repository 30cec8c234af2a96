"""The shell around an L1 node's core: events in, effects carried out in order."""

from __future__ import annotations

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
from ottochain.node.core_shell import CoreShell


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


class L1Shell(CoreShell[L1Event]):
    """Runs one L1 core."""

    def __init__(self, state: L1State, works: L1Works, *, beat: Callable[[], None] = lambda: None) -> None:
        super().__init__(beat)
        self.state = state
        self._works = works

    async def _handle(self, event: L1Event) -> None:
        self.state, effects = step(self.state, event)
        for effect in effects:
            await self._carry_out(effect)

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
                fired = L1TimerFired(effect.name, effect.block)
                self._start_timer((effect.name, effect.block), effect.milliseconds, fired)
            case L1CancelTimer():
                self._stop_timer((effect.name, effect.block))
