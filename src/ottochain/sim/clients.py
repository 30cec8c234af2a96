"""Clients of the L1 layer: each sends one update, and again to another node until somebody acknowledges it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottochain.consensus.l1_items import Item
from ottochain.sim.application import digest
from ottochain.sim.parcels import Acknowledged, Parcel, Requested

if TYPE_CHECKING:
    from ottochain.sim.world import World

NAME = "client"
AGAIN_MS = (300, 1_500)
LATER_MS = (100, 3_000)
SENT_TWICE = 0.2
"""Some send to two nodes, at once or when the first copy may be decided already."""


class Clients:
    """`waiting` are the keys that nobody acknowledged yet."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.waiting: dict[str, Item] = {}

    def begin(self) -> None:
        """Plans every update of the run: creations, runs of four fibers, and a few that can never follow."""
        dice, plan = self._world.dice.clients, self._world.plan
        at = dict.fromkeys("pqrs", 0)
        for number in range(plan.items):
            fiber = dice.choice("pqrsxyz")
            sequence = None
            if fiber in at:
                sequence = at[fiber]
                if dice.random() < 0.06:
                    sequence += dice.choice([-2, 3, 500])
                else:
                    at[fiber] += 1
            if sequence is not None and sequence < 0:
                sequence = 0
            key = digest("item", number, fiber, sequence)[:12]
            item = Item(key, key, fiber, sequence, 0, NAME, 0)
            at_ms = dice.randint(0, plan.storm_ms)
            self._world.agenda.after(at_ms, self._begin, item)
            if dice.random() < SENT_TWICE:
                self._world.agenda.after(at_ms + dice.choice((0, 0, dice.randint(*LATER_MS))), self._send, item)

    def _begin(self, item: Item) -> None:
        self.waiting[item.key] = item
        self._until_acknowledged(item)

    def _until_acknowledged(self, item: Item) -> None:
        if item.key in self.waiting:
            self._send(item)
            again = self._world.dice.between(AGAIN_MS, f"again {item.key}")
            self._world.agenda.after(again, self._until_acknowledged, item)

    def _send(self, item: Item) -> None:
        node = self._world.dice.choice(self._world.layers["dl1"], f"door for {item.key}")
        self._world.network.send(NAME, node, Requested(item))

    def hear(self, parcel: Parcel) -> None:
        if isinstance(parcel, Acknowledged):
            self.waiting.pop(parcel.key, None)
