"""A procedure as an operator reads it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.document import Procedure
from ottochain.ops.plan.steps import BringUp, Plan, Stop
from ottochain.ops.plan.telling import tell


def lines_of(deployment: Deployment, subject: Procedure) -> Iterator[str]:
    """The whole plan: numbered steps, the order, what pauses, how long."""
    count = len(subject.plan.steps)
    yield f"Plan: {subject.request.words}, {count} step{'s' if count > 1 else ''}, made from {subject.fingerprint}"
    seconds = 0.0
    for number, step in enumerate(subject.plan.steps, 1):
        told = tell(deployment, step.action)
        seconds += told.seconds
        yield f"{number:3}  {step.sentence}"
        yield f"     because {step.why}; gate: {told.gate}"
    yield from _orders(deployment, subject.plan)
    for pause in subject.pauses:
        yield f"Pause: {pause}"
    if not subject.pauses:
        yield "Pause: none, every layer stays at or above its floor"
    yield f"About {max(seconds, 1):.0f} s"


def _orders(deployment: Deployment, plan: Plan) -> Iterator[str]:
    stops = [step.action.node for step in plan.steps if isinstance(step.action, Stop)]
    starts = [name for step in plan.steps if isinstance(step.action, BringUp) for name in step.action.nodes]
    if len(stops) > 1:
        yield f"Stops, children first: {' '.join(stops)}"
    if len(starts) > 1:
        yield f"Starts{', parents first' if len(_layers(deployment, starts)) > 1 else ''}: {' '.join(starts)}"


def _layers(deployment: Deployment, names: list[str]) -> set[str]:
    return {deployment.by_name[name].layer for name in names}
