"""Copies: what waits at one L1 node for long is on the disks of its peers, too.

A core has few blocks under way at once, and while ML0 is away none of them ends: whatever arrives then would be on one
disk alone until ML0 is back. So what still waits a moment after its arrival is given to the peers, without ceremony.
They keep it and leave it to its owner; when that one is gone for good, another brings it to ML0.

Nothing depends on a copy. A peer takes none that it may have missed the decision of: of what was decided before the
owner sent it, it could hear nothing any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, Protocol

import msgspec

from ottochain.consensus.l1_items import Item
from ottochain.consensus.l1_state import L1State
from ottochain.consensus.quorum import rank
from ottochain.node.l1_messages import COPIES_BYTES_MAX, Copy, copies_body
from ottochain.node.l1_pool import Content, Held, L1Pool, named

log = logging.getLogger(__name__)

WAIT_SECONDS = 0.5
"""How long an item may wait for its turn until copies of it are made; under load most go into a block before."""

TAKE_OVER_SECONDS = 2.0
"""How long after an owner went the first of the others brings through what is not decided by then."""

TURN_SECONDS = 30.0
"""How much longer each one behind the first waits: usually it is decided by then."""

COPIES_PER_MESSAGE_MAX: Final = 64


class Owner(Protocol):
    """The lane that this works for."""

    booted: bool

    @property
    def state(self) -> L1State:
        """What the core knows."""

    def arrived(self, item: Item) -> None:
        """The core shall bring this item through."""


class Copies:
    """The copies of one lane. ``send`` queues a body for a peer; ``read`` checks what comes, as for offers."""

    def __init__(
        self,
        owner: Owner,
        me: str,
        pool: L1Pool,
        send: Callable[[str, bytes], None],
        read: Callable[[bytes], tuple[Content, bytes] | None],
        owns: Callable[[Item], bool],
        lane: str,
    ) -> None:
        self._owner = owner
        self._me = me
        self._pool = pool
        self._send = send
        self._read = read
        self._owns = owns
        self._lane = lane
        self._fresh: set[str] = set()
        self._timers: set[asyncio.TimerHandle] = set()

    def stop(self) -> None:
        """Cancels what is under way."""
        for timer in self._timers:
            timer.cancel()

    # Giving.

    def watch(self, keys: Iterable[str]) -> None:
        """These came just now, or a peer did: should they wait in a moment, copies are made."""
        idle = not self._fresh
        self._fresh.update(keys)
        if idle and self._fresh:
            self._later(WAIT_SECONDS, self._give)

    def _give(self) -> None:
        state, peers = self._owner.state, self._owner.state.peers
        fresh, self._fresh = self._fresh, set()
        # In the order in which they came. Of some the core has not been told yet: it makes blocks at an interval.
        free = [key for key in fresh if key in self._pool.held and (key in state.waiting or not state.knows(key))]
        held = sorted((self._pool.held[key] for key in free), key=lambda each: each.item.arrival)
        position = self._pool.position
        if peers and position is not None:
            for part in _parts(held):
                copies = [Copy(each.item.after, each.item.arrival, msgspec.Raw(each.signed)) for each in part]
                body = copies_body(copies, position.ordinal, self._lane)
                for peer in peers:
                    self._send(peer, body)

    def withdraw(self, keys: Iterable[str]) -> None:
        """Its sender replaced it: the copies are of no use any more."""
        body = copies_body([], 0, self._lane, withdrawn=list(keys))
        for peer in self._owner.state.peers:
            self._send(peer, body)

    # Keeping.

    async def take(self, sender: str, copies: Iterable[Copy], ordinal: int, *, room: Callable[[], bool]) -> None:
        """Keeps a peer's items. ``ordinal`` is the snapshot up to which none of them was decided."""
        found = []
        for copy in copies:
            sound = self._read(bytes(copy.signed))
            if sound is not None:
                found.append(Held(named(sound[0], copy.arrival, sender, copy.after), sound[1]))
        position = self._pool.position
        if position is None or position.ordinal > ordinal or not room():
            return
        await self._pool.keep([held for held in found if self._pool.known(held.item.key) is None])

    async def let_go(self, sender: str, keys: Iterable[str]) -> None:
        """Forgets what its owner withdrew, unless it is in a block here."""
        theirs = [key for key in keys if (item := self._pool.known(key)) is not None and item.origin == sender]
        free = [key for key in theirs if not self._owner.state.knows(key)]
        if free:
            await self._pool.withdraw(free)

    # Taking over.

    def owners_left(self, gone: Iterable[str], left: Iterable[str]) -> None:
        """These peers are gone, and those are left: each would bring through what was theirs, one after the other."""
        members = [self._me, *left]
        for owner in gone:
            turn = rank(owner, members).index(self._me)
            self._later(TAKE_OVER_SECONDS + turn * TURN_SECONDS, partial(self._take_over, owner))

    def _take_over(self, owner: str) -> None:
        # Also when he is back: perhaps without his disk, and then nobody else would.
        self._bring_through(held.item for held in self._pool.held.values() if held.item.origin == owner)

    def sequences_moved(self, sequences: Mapping[str, int]) -> None:
        """What an item follows has passed it by, and nothing was heard of it: ML0 shall say what became of it."""
        for fiber, at in sequences.items():
            items = (held.item for held in self._pool.of_fiber(fiber))
            self._bring_through(item for item in items if item.sequence is not None and item.sequence < at)

    def _bring_through(self, items: Iterable[Item]) -> None:
        state = self._owner.state
        taken = [item for item in items if item.origin != self._me and self._owns(item) and not state.knows(item.key)]
        for item in taken:
            self._owner.arrived(item)
        if taken:
            log.info("%d items are brought through for nodes that are gone", len(taken))

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        def fire() -> None:
            self._timers.discard(timer)
            call()

        timer = asyncio.get_running_loop().call_later(seconds, fire)
        self._timers.add(timer)


def _parts(held: list[Held]) -> Iterable[list[Held]]:
    """As many as go into one message."""
    part: list[Held] = []
    size = 0
    for each in held:
        if part and (len(part) >= COPIES_PER_MESSAGE_MAX or size + len(each.signed) > COPIES_BYTES_MAX):
            yield part
            part, size = [], 0
        part.append(each)
        size += len(each.signed)
    if part:
        yield part
