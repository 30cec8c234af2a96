"""Run a plan: each step as soon as those it waits for are done, and an end at the first that fails."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from ottochain.ops.execute.actions import Actions
from ottochain.ops.facts.observation import Observation
from ottochain.ops.plan.steps import Plan, Step


class Audience(Protocol):
    """Whoever is shown how a plan goes."""

    def planned(self, plan: Plan) -> None: ...

    def began(self, step: Step) -> None: ...

    def done(self, step: Step, note: str, seconds: float) -> None: ...

    def observed(self, observation: Observation) -> None: ...


async def run(plan: Plan, actions: Actions, audience: Audience) -> None:
    """Every step of the plan. The first failure ends the others and is raised; what was started goes on running."""
    audience.planned(plan)
    done = {step.id: asyncio.Event() for step in plan.steps}

    async def one(step: Step) -> None:
        for before in step.after:
            await done[before].wait()
        audience.began(step)
        began = time.monotonic()
        note = await actions.carry_out(step.action)
        audience.done(step, note, time.monotonic() - began)
        done[step.id].set()

    try:
        async with asyncio.TaskGroup() as group:
            for step in plan.steps:
                group.create_task(one(step), name=step.id)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
