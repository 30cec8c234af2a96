"""Audiences that are told less: of a procedure of one step only the small steps inside it; of a look nothing."""

from __future__ import annotations

from ottochain.ops.execute.runner import Audience
from ottochain.ops.facts.observation import Observation
from ottochain.ops.plan.steps import Plan, Step


class Deaf:
    """Hears nothing."""

    def planned(self, plan: Plan) -> None:
        """Not told."""

    def began(self, step: Step) -> None:
        """Not told."""

    def done(self, step: Step, note: str, seconds: float) -> None:
        """Not told."""

    def observed(self, observation: Observation) -> None:
        """Not told."""


class Quiet(Deaf):
    """Passes observations on, and nothing else."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience

    def observed(self, observation: Observation) -> None:
        self._audience.observed(observation)
