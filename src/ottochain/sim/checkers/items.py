"""Every acknowledged item is decided once or still on a disk; none applies twice or out of order.

Invariants 12, 14, 15 and 18, told from ML0's committed bodies alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ottochain.consensus.l1_items import Item
from ottochain.sim.application import Body, Facts
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.l1_node import L1Node
    from ottochain.sim.parcels import Submitted


class Items:
    """`applied` and `rejected` are what ML0 decided; `promised` what each L1 node answered 200 to and holds."""

    def __init__(self) -> None:
        self.applied: set[str] = set()
        self.rejected: set[str] = set()
        self._at: dict[str, int] = {}
        self._promised: dict[str, dict[str, Item]] = {}

    def ml0_committed(self, facts: Facts, body: Body) -> None:
        """ML0 decided a height, for the first time anywhere."""
        for block in body.blocks:
            for item in block.items:
                if item.key in self.applied or item.key in self.rejected:
                    continue
                outcome = facts.outcomes.get(item.key)
                if outcome is None:
                    raise Violated(14, f"height {facts.height} holds item {item.key} and does not decide it")
                (self.applied if outcome.accepted else self.rejected).add(item.key)
                if outcome.accepted and item.sequence is not None:
                    self.in_sequence(item)

    def in_sequence(self, item: Item) -> None:
        at = self._at.get(item.fiber, 0)
        if item.sequence != at:
            raise Violated(
                12, f"item {item.key} applied as number {item.sequence} of fiber {item.fiber}, which is at {at}"
            )
        self._at[item.fiber] = at + 1

    def submitted(self, parcel: Submitted, held: bool) -> None:
        if not held and len(parcel.block.items) > 1:
            raise Violated(17, f"a block of {parcel.block.proposer} came to ML0 without enough signatures")

    def acknowledged(self, node: L1Node, item: Item) -> None:
        """A node answers 200."""
        if item.key not in node.tables.pool:
            raise Violated(7, f"{node.name} acknowledged {item.key}, which it does not keep")
        self._promised.setdefault(node.name, {})[item.key] = item

    def released(self, node: L1Node, heights: Mapping[str, int]) -> None:
        """A node's pool lets go of items."""
        for key in heights:
            if key not in self.applied and key not in self.rejected:
                raise Violated(19, f"{node.name} let go of {key}, which is not decided")
            self._promised.get(node.name, {}).pop(key, None)

    def booted(self, node: L1Node) -> None:
        """A node begins a life: what it promised is on its disk."""
        for key, item in self._promised.get(node.name, {}).items():
            if key not in node.tables.pool and node.tables.decided.get(key, 0) <= item.after:
                raise Violated(15, f"{node.name} acknowledged {key}, and it is gone")

    def open(self) -> list[str]:
        """Acknowledged items that ML0 has not decided."""
        promised = [key for keys in self._promised.values() for key in keys]
        return [key for key in promised if key not in self.applied and key not in self.rejected]
