"""An L1 core has every item in exactly one place; a co-signature says that the items are on its disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottochain.consensus.l1_effects import Cosign, L1Message
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.l1_node import L1Node


class Places:
    """Looks at an L1 node's state after each step, and at what it sends."""

    def after_step(self, node: L1Node) -> None:
        state = node.state
        if len({*state.waiting, *state.held, *state.placed}) < len(state.waiting) + len(state.held) + len(state.placed):
            raise Violated(14, f"{node.name} has an item in two places")
        for key, name in state.placed.items():
            if name not in state.rounds or key not in state.rounds[name].undecided:
                raise Violated(14, f"{node.name} has item {key} in a block that does not hold it")
        own = 0
        for name, known in state.rounds.items():
            if not known.undecided:
                raise Violated(20, f"{node.name} keeps block {name[:8]}, which is done")
            own += known.block.proposer == node.name
        if own > state.config.rounds_max:
            raise Violated(20, f"{node.name} has {own} blocks open")

    def sending(self, node: L1Node, message: L1Message) -> None:
        if not isinstance(message, Cosign):
            return
        known = node.state.rounds.get(message.block)
        if known is None:
            return
        for item in known.block.items:
            if item.key in known.undecided and item.key not in node.tables.pool and not node.is_decided(item):
                raise Violated(7, f"{node.name} co-signed {item.key}, which it does not keep")
