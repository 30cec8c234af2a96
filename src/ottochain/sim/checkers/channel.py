"""GL0 holds a prefix of ML0's chain, and the outbox lets go only of what it holds. Invariants 16, 17 and 19."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottochain.sim.application import Body, Facts
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.checkers.agreement import Agreement
    from ottochain.sim.metagraph_node import MetagraphNode


class Channel:
    """`included` is the last ordinal in a certified GL0 snapshot."""

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self.included = 0

    def gl0_committed(self, facts: Facts, body: Body) -> None:
        """GL0 decided a height, for the first time anywhere."""
        chain = self._agreement.known["ml0"]
        for posted in body.binaries:
            binary = posted.binary
            if binary.ordinal != self.included + 1:
                raise Violated(16, f"GL0 included binary {binary.ordinal} on {self.included}")
            if binary.ordinal >= len(chain) or chain[binary.ordinal].hash != binary.hash:
                raise Violated(16, f"GL0 included a binary {binary.ordinal} that ML0 never made final")
            if not self._agreement.holds("ml0", posted.certificate, chain[binary.ordinal - 1]):
                raise Violated(17, f"GL0 included binary {binary.ordinal} without a quorum of ML0")
            self.included = binary.ordinal

    def removed(self, node: MetagraphNode, ordinals: tuple[int, ...]) -> None:
        """An outbox lets go of binaries."""
        if max(ordinals) > self.included:
            raise Violated(19, f"{node.name} removed binary {max(ordinals)}, GL0 holds {self.included}")
