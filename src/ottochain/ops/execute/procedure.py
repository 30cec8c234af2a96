"""What each step of a procedure does."""

from __future__ import annotations

from ottochain.client.light import LightClient
from ottochain.ops.execute.bringing_up import BringingUp, Look
from ottochain.ops.execute.leaving import hand_over, leave
from ottochain.ops.execute.quarantine import put_back, quarantine
from ottochain.ops.execute.runner import Audience
from ottochain.ops.execute.stopping import stop
from ottochain.ops.execute.verifying import verify
from ottochain.ops.execute.watch import Watch
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.steps import Action, BringUp, HandOver, Leave, PutBack, Quarantine, Stop, Verify
from ottochain.ops.runtimes.nursery import Nursery


class Steps:
    """Carries out the steps of one operation. ``inside`` hears of the small steps; ``first``: a look taken already."""

    def __init__(
        self,
        deployment: Deployment,
        client: LightClient,
        nursery: Nursery,
        watch: Watch,
        inside: Audience,
        first: Look | None = None,
    ) -> None:
        self._deployment = deployment
        self._client = client
        self._nursery = nursery
        self._watch = watch
        self._inside = inside
        self._first = first

    async def carry_out(self, action: Action) -> str:
        """Gives a note on what was found, for the timeline."""
        match action:
            case Stop():
                return await stop(self._deployment, self._watch, action)
            case BringUp():
                return await self._bring_up(action)
            case Verify():
                return await verify(self._deployment, self._client, self._watch, action)
            case Leave():
                return await leave(self._deployment, self._client, self._watch, action)
            case HandOver():
                return await hand_over(self._deployment, self._client, self._nursery, self._watch, action)
            case Quarantine():
                return quarantine(self._deployment, self._watch, action)
            case PutBack():
                return put_back(self._deployment, action)
            case _:
                raise TypeError(f"{type(action).__name__} is no step of a procedure")

    async def _bring_up(self, action: BringUp) -> str:
        bringing = BringingUp(
            self._deployment, self._client, self._nursery, self._inside, action.nodes, may_found=action.may_found
        )
        first, self._first = self._first, None
        changed = await bringing.carry_out(self._watch, first)
        return "Ready" if changed else "already so"
