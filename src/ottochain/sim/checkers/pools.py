"""A block that ML0 took stays on its disk until it is committed, or sent back for a reason. Invariant 14."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottochain.consensus.l1_items import Block
from ottochain.sim.application import Chosen
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.metagraph_node import MetagraphNode
    from ottochain.sim.validator import Validator


class Pools:
    """`held` are the blocks of each node that it must have."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, Block]] = {}

    def entered(self, node: MetagraphNode, block: Block) -> None:
        """A block is durable."""
        self._held.setdefault(node.name, {})[block.id()] = block

    def committed(self, node: MetagraphNode, names: tuple[str, ...]) -> None:
        """Blocks are in a committed body."""
        held = self._held.get(node.name, {})
        for name in names:
            held.pop(name, None)

    def sent_back(self, node: MetagraphNode, names: tuple[str, ...], chosen: Chosen) -> None:
        """A node throws blocks away that it did not commit."""
        reasons = {block.id() for block, guilty in chosen.refused if guilty and len(block.items) > 1}
        reasons |= {block.id() for block in chosen.done if not any(map(node.facts.pending, block.items))}
        for name in names:
            if self._held.get(node.name, {}).pop(name, None) is not None and name not in reasons:
                raise Violated(14, f"{node.name} threw block {name[:8]} away before it was committed")

    def wiped(self, node: Validator) -> None:
        """A node's disk is lost."""
        self._held.pop(node.name, None)

    def booted(self, node: MetagraphNode) -> None:
        """A node begins a life. A commit may be on its disk of which it could tell nobody."""
        held = self._held.get(node.name, {})
        for name in [name for name in held if name not in node.tables.pool]:
            if any(map(node.facts.pending, held.pop(name).items)):
                raise Violated(14, f"{node.name} had block {name[:8]} on its disk, and it is gone")
