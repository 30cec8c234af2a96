"""One false process: it takes events one at a time, carries effects out in their order, and may die between any two."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from ottochain.sim.dice import MASK
from ottochain.sim.disk import Disk
from ottochain.sim.parcels import Parcel
from ottochain.sim.writes import Write, encode_write

if TYPE_CHECKING:
    from ottochain.sim.world import World

Job = Callable[[], None]
TimerKey = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Timer:
    """A timer that runs."""

    due: int
    event: Struct | Job


class Died(Exception):  # noqa: N818  what happened
    """The process died in the midst of what it did."""


class Process:
    """What the processes of all layers have in common. Each subclass knows its core.

    `queue` holds events for the core, and jobs of the shell. `pending` are effects that are not carried out yet.
    While a write goes on nothing else is done.
    """

    layer: ClassVar[str]

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.disk: Disk = world.cores.disk()
        self.up = False
        self.life = 0
        self.dead = False
        self.booting = False
        self.busy = False
        self.frozen = False
        self.speed = 1.0
        self.queue: deque[Struct | Job] = deque()
        self.pending: deque[Struct] = deque()
        self.timers: dict[TimerKey, Timer] = {}

    # -- what each layer does ------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Begins a life with what the disk holds."""
        raise AssertionError("each layer has its own")

    def step(self, event: Any) -> tuple[Struct, ...]:
        """Lets the core take an event; returns the effects."""
        raise AssertionError("each layer has its own")

    def carry_out(self, effect: Any) -> None:
        """Does what the core asks for."""
        raise AssertionError("each layer has its own")

    def hear(self, sender: str, parcel: Parcel) -> None:
        """Takes what came over the network."""
        raise AssertionError("each layer has its own")

    def peers_changed(self, name: str, up: bool) -> None:
        """A node of the same layer can be reached again, or can't be reached."""

    # -- one thing at a time -------------------------------------------------------------------------------------------

    def tell(self, *events: Struct | Job) -> None:
        """Queues events."""
        if self.up:
            self.queue.extend(events)
            self.pump()

    def pump(self) -> None:
        try:
            while self.up and not (self.booting or self.busy or self.frozen):
                if self.pending:
                    effect = self.pending.popleft()
                    self.world.strike_down(self, type(effect).__name__)
                    self.carry_out(effect)
                elif self.queue:
                    event = self.queue.popleft()
                    if isinstance(event, Struct):
                        self.pending.extend(self.step(event))
                    else:
                        event()
                else:
                    return
        except Died:
            return

    def later(self, milliseconds: int, event: Struct | Job) -> None:
        """Tells itself, in this life."""
        self.world.agenda.after(milliseconds, self._tell_in_life, self.life, event)

    def _tell_in_life(self, life: int, event: Struct | Job) -> None:
        if self.life == life:
            self.tell(event)

    # -- the disk ------------------------------------------------------------------------------------------------------

    def write(self, *writes: Write, then: Job | None = None, sync: bool = True) -> None:
        """Writes in one transaction and syncs, then goes on; may die on the way."""
        self.world.writes += 1
        for write in writes:
            self.disk.append(encode_write(write))
        if not sync:
            return
        lot = self.world.dice.lot(f"{self.name} writes")
        self.world.strike_down_in_write(self, lot)
        if self.world.dice.strikes("slow-disk", lot):
            self.busy = True
            delay = self.world.dice.of("slow-disk").randint(2, 400)
            self.world.agenda.after(delay, self._written, self.life, then, lot)
        else:
            self.disk.sync()
            if then is not None:
                then()

    def _written(self, life: int, then: Job | None, lot: int) -> None:
        if self.life != life:
            return
        try:
            self.world.strike_down_in_write(self, ~lot & MASK)
            self.disk.sync()
            self.busy = False
            if then is not None:
                then()
        except Died:
            return
        self.pump()

    # -- timers --------------------------------------------------------------------------------------------------------

    def set_timer(self, key: TimerKey, milliseconds: int, event: Struct | Job) -> None:
        """Starts a timer, by this node's own clock; one of the same key is replaced."""
        self._arm(key, self.world.agenda.now + max(1, round(milliseconds * self.speed)), event)

    def stop_timer(self, key: TimerKey) -> None:
        self.timers.pop(key, None)

    def clock_jumps(self, milliseconds: int) -> None:
        """Ahead: timers run out that much earlier. Back, below zero: that much later."""
        for key, timer in list(self.timers.items()):
            self._arm(key, timer.due - milliseconds, timer.event)

    def _arm(self, key: TimerKey, due: int, event: Struct | Job) -> None:
        timer = self.timers[key] = Timer(due, event)
        agenda = self.world.agenda
        agenda.after(max(0, due - agenda.now), self._fire, key, timer)

    def _fire(self, key: TimerKey, timer: Timer) -> None:
        if self.timers.get(key) is timer:
            del self.timers[key]
            self.tell(timer.event)

    # -- life and death ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        if self.up or self.dead:
            return
        self.up = True
        self.speed = 1.0
        if self.world.dice.strikes("drift", self.world.dice.lot(f"{self.name} starts")):
            self.speed = self.world.dice.of("drift").choice((0.5, 0.8, 1.25, 2.0))
        self.booting = True
        try:
            self.boot()
        except Died:
            return
        finally:
            self.booting = False
        self.pump()

    def thaw(self, life: int) -> None:
        """Goes on, with everything that came meanwhile."""
        if self.life == life:
            self.frozen = False
            self.pump()

    def die(self) -> None:
        """Everything in memory is gone."""
        self.up = False
        self.life += 1
        self.busy = self.frozen = False
        self.queue.clear()
        self.pending.clear()
        self.timers.clear()
