"""After a restart a node stands where its chain, executed from genesis, leads. Invariants 3, 8 and 9.

Journals, where a seed keeps them: the core, told the same again, asks for the same, byte for byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottochain.sim.application import Facts
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.checkers.agreement import Agreement
    from ottochain.sim.validator import Validator


class Replay:
    """Executes again what disks hold."""

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._boots = 0

    def booted(self, node: Validator) -> list[Facts]:
        """The states that a node's chain leads through, from genesis to its head."""
        application, self._boots = node.world.application, self._boots + 1
        # Every third time without a look at what is known already.
        executed = application.execute if self._boots % 3 == 0 else application.executed
        history = [node.begin]
        for stored in node.tables.chain:
            facts = executed(history[-1], stored.reference, stored.body.encode())
            if isinstance(facts, str) or (facts.height, facts.hash) != (stored.height, stored.hash):
                raise Violated(8, f"{node.name} can't replay height {stored.height} of its own chain: {facts}")
            history.append(facts)
        known = self._agreement.known[node.layer]
        head = history[-1]
        if head.height < len(known) and known[head.height] != head:
            raise Violated(8, f"{node.name} replayed height {head.height} to another state than it had")
        self._agreement.booted(node, head.height, wiped=node.tables.record_lost)
        return history
