"""Who follows a layer hears of final heights alone, of each once a connection, in their order. Invariants 18 and 21."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottochain.sim.application import Facts
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.checkers.agreement import Agreement


class Followers:
    """`at` is the last height that each follower knows of, on the connection that it has now."""

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._at: dict[str, int] = {}

    def connected(self, name: str, height: int) -> None:
        """A follower begins after a height that it knows."""
        self._at[name] = height

    def told(self, name: str, layer: str, facts: Facts) -> None:
        """A follower is told of one more height."""
        chain = self._agreement.known[layer]
        if facts.height >= len(chain) or chain[facts.height].hash != facts.hash:
            raise Violated(
                21, f"{name} is told of {facts.hash[:8]} at height {facts.height} of {layer}, as if it was final"
            )
        if facts.height != self._at[name] + 1:
            raise Violated(18, f"{name} is told of height {facts.height} of {layer} after {self._at[name]}")
        self._at[name] = facts.height
