"""An audience that writes the journal before anybody is told, and ends the plan where a pause was asked for."""

from __future__ import annotations

from ottochain.ops.errors import HalfWay
from ottochain.ops.execute.journal import Journal
from ottochain.ops.execute.runner import Audience
from ottochain.ops.facts.observation import Observation
from ottochain.ops.plan.steps import Plan, Step


class PauseAsked(HalfWay):
    """Somebody asked for a pause between two steps."""


class Journaled:
    """The steps of a procedure, journaled; then told to ``audience``."""

    def __init__(self, journal: Journal, audience: Audience) -> None:
        self._journal = journal
        self._audience = audience

    def planned(self, plan: Plan) -> None:
        """The journal begins with the plan, and whoever approved it has seen it."""

    def began(self, step: Step) -> None:
        if self._journal.pause_request.exists():
            raise PauseAsked(
                f"operation {self._journal.id} pauses before the step: {step.sentence}.",
                next_step=f"ottochain operations resume {self._journal.id}, or abort {self._journal.id}.",
            )
        self._journal.note("began", step=step.id)
        self._audience.began(step)

    def done(self, step: Step, note: str, seconds: float) -> None:
        self._journal.note("done", step=step.id, note=note, seconds=round(seconds, 3))
        self._audience.done(step, note, seconds)

    def observed(self, observation: Observation) -> None:
        self._audience.observed(observation)


class Inside:
    """The small steps inside the steps of a procedure: told on, and counted."""

    def __init__(self, audience: Audience, *, tells_plans: bool) -> None:
        self._audience = audience
        self._tells_plans = tells_plans
        self.steps_done = 0

    def planned(self, plan: Plan) -> None:
        if self._tells_plans:
            self._audience.planned(plan)

    def began(self, step: Step) -> None:
        self._audience.began(step)

    def done(self, step: Step, note: str, seconds: float) -> None:
        self.steps_done += 1
        self._audience.done(step, note, seconds)

    def observed(self, observation: Observation) -> None:
        self._audience.observed(observation)
