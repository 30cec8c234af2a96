"""Bring a deployment up, or back up: ``ottochain up``.

Observe every node; wait for what is under way; judge the chain; plan; execute; observe again, until nothing is left to
do. Killed at any instant, the same command goes on: every step asks first whether it is done. Whatever operation was
cut off before, ``up`` includes what it left undone, and ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ottochain.client.light import LightClient
from ottochain.ops import chain_record
from ottochain.ops.chain_record import ChainRecord
from ottochain.ops.execute.bringing_up import BringingUp
from ottochain.ops.execute.runner import Audience
from ottochain.ops.facts.observation import Observation
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.moments import utc_now
from ottochain.ops.operations.operation import at_work, carry_out
from ottochain.ops.operations.quiet import Deaf, Quiet
from ottochain.ops.plan.document import procedure
from ottochain.ops.plan.procedures import plan_procedure
from ottochain.ops.plan.request import Request
from ottochain.ops.plan.steps import Plan
from ottochain.ops.runtimes.nursery import COMMAND, Nursery


@dataclass(frozen=True, slots=True)
class Up:
    """How it ended: the last observation, the chain, and whether anything had to be done."""

    observation: Observation
    record: ChainRecord
    changed: bool


async def bring_up(deployment: Deployment, audience: Audience, nursery_command: Sequence[str] = COMMAND) -> Up:
    """Everything Ready and seen in GL0, or an error that says what stands in the way."""
    request = up_request(deployment)
    async with at_work(deployment, request.words, nursery_command, supersedes=True) as site:
        look = await BringingUp(deployment, site.client, site.nursery, audience, may_found=True).look()
        if not look.plan:
            return Up(look.observation, look.chain.record, changed=False)
        plan = plan_procedure(deployment, look.observation, request)
        made = procedure(deployment, look.observation, request, plan, utc_now())
        report = await carry_out(site, made, look.observation, Quiet(audience), inside=audience, first=look)
    return Up(report.observation, chain_record.read(deployment.places.chain_record) or look.chain.record, changed=True)


async def small_steps(deployment: Deployment, nursery_command: Sequence[str] = COMMAND) -> Plan:
    """What would be done now. Nothing is touched; the lease is not held."""
    nursery = Nursery(deployment.places.run / "nursery.err", nursery_command)
    try:
        async with LightClient() as client:
            return (await BringingUp(deployment, client, nursery, Deaf(), may_found=True).look()).plan
    finally:
        nursery.close()


def up_request(deployment: Deployment) -> Request:
    """Everything."""
    return Request("up", tuple(node.name for node in deployment.nodes))
