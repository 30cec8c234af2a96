"""How long layers were below their floor while an operation ran: measured by what was observed, not promised."""

from __future__ import annotations

from ottochain.ops.engine import Layer
from ottochain.ops.facts.observation import Observation
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.quorum import quorum_without


class PauseMeter:
    """Hears every observation. Only layers that worked at the beginning can pause."""

    def __init__(self, deployment: Deployment, first: Observation) -> None:
        self._deployment = deployment
        self._layers = [layer for layer in deployment.engine.layers if quorum_without(deployment, first, layer).goes_on]
        self._since: dict[Layer, float] = {}
        self._seconds: dict[Layer, float] = {}

    def observed(self, observation: Observation) -> None:
        for layer in self._layers:
            if not quorum_without(self._deployment, observation, layer).goes_on:
                self._since.setdefault(layer, observation.at)
            elif (since := self._since.pop(layer, None)) is not None:
                self._seconds[layer] = self._seconds.get(layer, 0.0) + observation.at - since

    @property
    def seconds(self) -> dict[Layer, float]:
        """The pauses that ended, in seconds, those of one layer added up; parents first."""
        return {layer: self._seconds[layer] for layer in self._layers if layer in self._seconds}

    @property
    def lasting(self) -> tuple[Layer, ...]:
        """The layers that are below their floor still."""
        return tuple(self._since)
