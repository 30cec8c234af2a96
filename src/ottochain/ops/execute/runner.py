"""Run a plan: each step as soon as those it waits for are done, and an end at the first that fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ottochain.ops.facts.observation import Observation
from ottochain.ops.plan.steps import Plan, Step


class Audience(Protocol):
    """Whoever is shown how a plan goes."""

    def planned(self, plan: Plan) -> None: ...

    def began(self, step: Step) -> None: ...

    def done(self, step: Step, note: str, seconds: float) -> None: ...

    def observed(self, observation: Observation) -> None: ...


CarryOut = Callable[[Any], Awaitable[str]]
"""Does what an action says; gives a note on what it found."""


async def run(plan: Plan, carry_out: CarryOut, audience: Audience) -> None:
    """Every step of the plan. The first failure ends the others and is raised; what was started goes on running.

    The audience hears of a step before it begins and after it is done, and by raising ends the plan there.
    """
    audience.planned(plan)
    done = {step.id: asyncio.Event() for step in plan.steps}

    async def one(step: Step) -> None:
        for before in step.after:
            await done[before].wait()
        audience.began(step)
        began = time.monotonic()
        note = await carry_out(step.action)
        audience.done(step, note, time.monotonic() - began)
        done[step.id].set()

    try:
        async with asyncio.TaskGroup() as group:
            for step in plan.steps:
                group.create_task(one(step), name=step.id)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
