"""How a layer follows the one above: certified snapshots, in order, without a gap, over a connection that may break."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ottochain.sim.application import Body, Facts
    from ottochain.sim.validator import Validator
    from ottochain.sim.world import World

RECONNECT_MS = 300
DELAY_MS = (1, 20)


class Follower(Protocol):
    """Who follows."""

    name: str
    life: int
    up: bool

    def connected(self, source: Validator) -> int:
        """A connection stands. Returns the last height that need not be told."""

    def follows(self, facts: Facts, body: Body) -> None:
        """One more height is known here."""


class Feed:
    """One follower's connection, to one honest node of the layer above at a time."""

    def __init__(self, world: World, follower: Follower, layer: str) -> None:
        self._world = world
        self._follower = follower
        self._layer = layer
        self._position = 0
        self.source = ""
        self._telling = False
        self._life = -1

    def begin(self) -> None:
        """A new life of the follower."""
        self.source = ""
        self._telling = False
        self._life = self._follower.life
        self._connect(self._life)

    def _connect(self, life: int) -> None:
        follower, world = self._follower, self._world
        if life != follower.life or not follower.up or self.source:
            return
        open_to = [name for name in world.honest(self._layer) if self._reaches(name)]
        if not open_to:
            world.agenda.after(RECONNECT_MS, self._connect, life)
            return
        self.source = world.dice.choice(open_to, f"{follower.name} follows")
        self._position = follower.connected(world.validator(self.source))
        world.checks.followers.connected(follower.name, self._position)
        self.push()

    def _reaches(self, name: str) -> bool:
        network, mine = self._world.network, self._follower.name
        return self._world.is_up(name) and network.connected(name, mine) and network.connected(mine, name)

    def look(self) -> None:
        """Something changed in the network: perhaps the connection is gone."""
        if self.source and self._life == self._follower.life and not self._reaches(self.source):
            self.source = ""
            self._world.agenda.after(RECONNECT_MS, self._connect, self._life)

    def push(self) -> None:
        """Tells of the next height, if there is one and none is on its way."""
        if self.source and not self._telling and self._world.validator(self.source).facts.height > self._position:
            self._telling = True
            delay = self._world.dice.between(DELAY_MS, f"feed {self._follower.name} {self._position}")
            self._world.agenda.after(delay, self._arrive, self._life, self.source)

    def _arrive(self, life: int, name: str) -> None:
        if life != self._life or life != self._follower.life or not self._follower.up:
            return
        self._telling = False
        if name == self.source:
            self._position += 1
            source = self._world.validator(name)
            facts = source.history[self._position]
            self._world.checks.followers.told(self._follower.name, self._layer, facts)
            self._follower.follows(facts, source.body_at(self._position))
        self.push()
