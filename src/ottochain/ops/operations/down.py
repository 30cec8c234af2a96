"""Stop a deployment, children first: ``ottochain down``. Nothing is deleted, and ``up`` brings it back.

Whatever operation was cut off before, ``down`` includes what it left undone, and ends it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ottochain.client.light import LightClient
from ottochain.ops.errors import GateNotMet
from ottochain.ops.execute.runner import Audience
from ottochain.ops.facts.observe import observe, observe_node
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.moments import utc_now
from ottochain.ops.operations.operation import at_work, carry_out
from ottochain.ops.plan.document import procedure
from ottochain.ops.plan.procedures import plan_procedure
from ottochain.ops.plan.request import Request
from ottochain.ops.plan.steps import Stop
from ottochain.ops.runtimes import host


@dataclass(frozen=True, slots=True)
class Down:
    """The nodes that were stopped, in the order of stopping."""

    nodes: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.nodes)


async def bring_down(deployment: Deployment, audience: Audience) -> Down:
    """Stop the layers one after the other, from the children up; within a layer all at once.

    Raises ``GateNotMet`` when a node cannot be ended, its parents then go on, or when one still answers that can't be
    recognised by its data folder.
    """
    request = down_request(deployment)
    async with at_work(deployment, request.words, starts=False, supersedes=True) as site:
        seen = await observe(deployment, site.client)
        plan = plan_procedure(deployment, seen, request)
        await carry_out(site, procedure(deployment, seen, request, plan, utc_now()), seen, audience)
        await _refuse_survivors(deployment, site.client)
    return Down(tuple(step.action.node for step in plan.steps if isinstance(step.action, Stop)))


def down_request(deployment: Deployment) -> Request:
    """Everything."""
    return Request("down", tuple(node.name for node in deployment.nodes))


async def _refuse_survivors(deployment: Deployment, client: LightClient) -> None:
    """A node whose data folder was taken from under it, or its lock file written over, looks stopped and is not."""
    taken = [node for node in deployment.nodes if host.is_taken(node.ports.public)]
    if not taken:
        return
    seen = await asyncio.gather(*(observe_node(node, client, thoroughly=False) for node in taken))
    survivors = [node for node, facts in zip(taken, seen, strict=True) if facts.answers and not facts.is_stranger]
    if survivors:
        listed = "\n".join(f"  {node.name}: {host.listener_of(node.ports.public)}" for node in survivors)
        raise GateNotMet(
            f"these nodes still answer, without holding their data folders, so they were left alone:\n{listed}",
            next_step="end those processes (kill PID), then repeat the command.",
        )
