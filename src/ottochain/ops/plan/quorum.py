"""How many nodes of a layer may be away: counted before anything stops. Pure.

A layer goes on while as many of its nodes are Ready as its floor says (``Engine.floor``, a majority for the embedded
engine). It *pauses* below that and goes on by itself when enough are back; nothing is lost by a pause. A layer that
pauses makes what hangs on it wait: without GL0 nothing is confirmed, without ML0 nothing is decided.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ottochain.ops.engine import Layer
from ottochain.ops.facts.observation import Observation
from ottochain.ops.inventory.deployment import Deployment

WAITS = {
    "gl0": "confirmation: ML0 goes on, and its snapshots wait in its outbox on disk",
    "ml0": "decisions: DL1 and CL1 acknowledge, and what they took waits in their pools on disk",
    "cl1": "token transactions: no new blocks of them",
    "dl1": "data updates: no new blocks of them",
}
"""What waits while a layer is below its floor, as one says it to an operator."""


@dataclass(frozen=True, slots=True)
class Quorum:
    """One layer, if some of its nodes stopped now."""

    layer: Layer
    nodes: int
    """How many nodes the layer has in the deployment."""
    need: int
    """The floor: how many must be Ready for it to go on."""
    ready: int
    """How many are Ready now; a node that can't be seen does not count."""
    leaving: tuple[str, ...]
    """The nodes that would stop, by index. Those among them that are not Ready now change nothing."""
    left: int
    """How many would stay Ready."""

    @property
    def goes_on(self) -> bool:
        """The layer stays at or above its floor."""
        return self.left >= self.need

    @property
    def pauses(self) -> bool:
        """It works now and would not any more."""
        return self.ready >= self.need > self.left

    @property
    def margin(self) -> int:
        """How many more could stop then without a pause; negative: so many are missing."""
        return self.left - self.need

    @property
    def sentence(self) -> str:
        """What becomes of the layer, in words."""
        counted = f"{self.left} of {self.nodes} stay Ready, {self.need} needed"
        if self.goes_on:
            return f"{self.layer} goes on: {counted}"
        if self.pauses:
            return f"{self.layer} pauses: {counted}; waiting meanwhile: {WAITS[self.layer]}"
        return f"{self.layer} pauses already: {counted}"


def quorum_without(
    deployment: Deployment, observation: Observation, layer: Layer, leaving: Collection[str] = ()
) -> Quorum:
    """One layer with the named nodes stopped; names of other layers are passed over."""
    names = [node.name for node in deployment.layer(layer)]
    ready = {facts.name for facts in observation.ready(layer)}
    return Quorum(
        layer,
        nodes=len(names),
        need=deployment.need(layer),
        ready=len(ready),
        leaving=tuple(name for name in names if name in leaving),
        left=len(ready - set(leaving)),
    )


def quorums_without(deployment: Deployment, observation: Observation, leaving: Iterable[str]) -> tuple[Quorum, ...]:
    """Every layer that has a node among the named, parents first."""
    names = set(leaving)
    every = (quorum_without(deployment, observation, layer, names) for layer in deployment.engine.layers)
    return tuple(quorum for quorum in every if quorum.leaving)
