"""From what was asked and what is seen to the procedure: one table of planners. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from ottochain.ops.facts.observation import Observation
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.membership import plan_leave, plan_reset
from ottochain.ops.plan.request import Request, Verb
from ottochain.ops.plan.restart import plan_bring_up, plan_restart, plan_stop
from ottochain.ops.plan.steps import Plan

Planner: TypeAlias = Callable[[Deployment, Observation, Request], Plan]

PLANNERS: Final[Mapping[Verb, Planner]] = {
    "up": plan_bring_up,
    "start": plan_bring_up,
    "join": plan_bring_up,
    "down": plan_stop,
    "stop": plan_stop,
    "restart": plan_restart,
    "leave": plan_leave,
    "reset": plan_reset,
}


def plan_procedure(deployment: Deployment, observation: Observation, request: Request) -> Plan:
    """The steps of what was asked. Empty when nothing is to be done."""
    return PLANNERS[request.verb](deployment, observation, request)
