"""What takes an operation back that stopped half way. Pure."""

from __future__ import annotations

from collections.abc import Collection

from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.restart import bring_up_step
from ottochain.ops.plan.steps import Plan, Stop


def plan_undo(deployment: Deployment, plan: Plan, begun: Collection[str]) -> Plan:
    """Every node that the operation stopped, or was about to, is brought up again. A node that it started stays: to
    stop it could only make things worse."""
    stopped = [step.action.node for step in plan.steps if step.id in begun and isinstance(step.action, Stop)]
    known = [name for name in stopped if name in deployment.by_name]
    if not known:
        return Plan(())
    return Plan((bring_up_step(deployment, known, "the operation had stopped it", ()),))
