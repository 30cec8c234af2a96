"""Which layers a procedure takes below their floor, from which step to which, and for about how long. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ottochain.ops.engine import Layer
from ottochain.ops.facts.observation import Observation
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.quorum import WAITS
from ottochain.ops.plan.steps import BringUp, Leave, Plan, Step, Stop
from ottochain.ops.plan.telling import expected_seconds


@dataclass(frozen=True, slots=True)
class Pause:
    """A layer below its floor. ``until`` is None when the procedure does not end it."""

    layer: Layer
    left: int
    """The fewest Ready nodes it has meanwhile."""
    need: int
    since: str
    until: str | None
    seconds: float | None
    """About how long, if the procedure ends it."""

    @property
    def sentence(self) -> str:
        """What pauses, for how long, and what waits meanwhile."""
        if self.seconds is None:
            how_long = "until nodes of it are started again"
        else:
            how_long = f"for about {self.seconds:.0f} s" if self.seconds >= 1 else "for less than a second"
        ready = f"{self.left} Ready, {self.need} needed" if self.left else "none Ready"
        return f"{self.layer} pauses {how_long} ({ready}). Waiting meanwhile: {WAITS[self.layer]}"


def pauses_of(deployment: Deployment, observation: Observation, plan: Plan) -> tuple[Pause, ...]:
    """Every pause that the procedure begins, in the order of beginning. A layer that is below its floor already is
    not counted until it is back."""
    return tuple(
        pause for layer in deployment.engine.layers for pause in _of_layer(deployment, observation, plan, layer)
    )


def _of_layer(deployment: Deployment, observation: Observation, plan: Plan, layer: Layer) -> Iterator[Pause]:
    names = {node.name for node in deployment.layer(layer)}
    ready, need = {facts.name for facts in observation.ready(layer)}, deployment.need(layer)
    began: Step | None = None
    fewest, seconds = len(ready), 0.0
    for step in plan.steps:
        before = len(ready)
        ready = after_step(ready, step, names)
        if began is None and len(ready) < need <= before:
            began, fewest, seconds = step, len(ready), 0.0
        if began is not None:
            fewest = min(fewest, len(ready))
            seconds += expected_seconds(step.action)
            if len(ready) >= need:
                yield Pause(layer, fewest, need, began.id, step.id, seconds)
                began = None
    if began is not None:
        yield Pause(layer, fewest, need, began.id, None, None)


def after_step(ready: set[str], step: Step, names: set[str]) -> set[str]:
    """The Ready nodes among ``names`` after the step, if it goes as planned."""
    match step.action:
        case Stop(node) | Leave(node):
            return ready - {node}
        case BringUp(nodes):
            return ready | (set(nodes) & names)
        case _:
            return ready
