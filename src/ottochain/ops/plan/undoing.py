"""What takes an operation back that stopped half way. Pure."""

from __future__ import annotations

from collections.abc import Collection

from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.restart import bring_up_step
from ottochain.ops.plan.steps import Leave, Plan, PutBack, Quarantine, Step, Stop


def plan_undo(deployment: Deployment, plan: Plan, begun: Collection[str]) -> Plan:
    """Data that was put aside is put back, unless the node began anew; every node that the operation stopped, or was
    about to, is brought up again. A node that it started stays: to stop it could only make things worse."""
    actions = [step.action for step in plan.steps if step.id in begun]
    touched = [action.node for action in actions if isinstance(action, Stop | Leave)]
    known = [name for name in dict.fromkeys(touched) if name in deployment.by_name]
    if not known:
        return Plan(())
    back = [
        Step(f"put back {action.node}", f"Put the data of {action.node} back", "the operation had moved it", action)
        for action in (PutBack(each.node, each.place) for each in actions if isinstance(each, Quarantine))
        if action.node in known
    ]
    last = bring_up_step(deployment, known, "the operation had stopped it", [step.id for step in back])
    return Plan((*back, last))
