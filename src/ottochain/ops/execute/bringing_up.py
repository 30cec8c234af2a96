"""Bring nodes up: look, plan, carry out, and look again, until nothing is left to do.

What is planned follows from what is seen, so the same call goes on wherever an earlier one was cut off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ottochain.client.light import LightClient
from ottochain.ops import chain_record
from ottochain.ops.engine import L1_LAYERS
from ottochain.ops.errors import GateNotMet, Refused
from ottochain.ops.execute.actions import Actions
from ottochain.ops.execute.runner import Audience, run
from ottochain.ops.execute.watch import Watch
from ottochain.ops.facts.observation import NodeFacts, Observation, everything_is_up
from ottochain.ops.facts.observe import observe, with_confirmed, with_tips
from ottochain.ops.files import write_durably
from ottochain.ops.inventory.deployment import Deployment, Node
from ottochain.ops.moments import utc_now
from ottochain.ops.plan.bring_up import plan_up
from ottochain.ops.plan.chain import Chain, judge
from ottochain.ops.plan.steps import CreateGenesis, Plan, Start
from ottochain.ops.runtimes import host
from ottochain.ops.runtimes.nursery import Nursery

ROUNDS_MAX: Final = 5
REST_SECONDS: Final = 5.0
"""How long a node that is on its way somewhere may show no progress before it counts as stuck there."""

CLOSING_SECONDS: Final = 1.0
"""How long a process that ends may take to close its ports."""

UNDER_WAY: Final = frozenset(
    {
        "Initial",
        "LoadingGenesis",
        "GenesisReady",
        "RollbackInProgress",
        "RollbackDone",
        "StartingSession",
        "SessionStarted",
        "WaitingForDownload",
        "DownloadInProgress",
        "WaitingForObserving",
        "Observing",
        "WaitingForReady",
        "Leaving",
    }
)
"""States that a node leaves by itself, if all is well."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is, and what is left to do."""

    observation: Observation
    chain: Chain
    plan: Plan


class BringingUp:
    """Brings up the nodes of ``scope`` (None: all)."""

    def __init__(
        self,
        deployment: Deployment,
        client: LightClient,
        nursery: Nursery,
        audience: Audience,
        scope: Collection[str] | None = None,
        *,
        may_found: bool = False,
    ) -> None:
        self._deployment = deployment
        self._client = client
        self._nursery = nursery
        self._audience = audience
        self._names = frozenset(deployment.by_name if scope is None else scope)
        self._may_found = may_found

    async def look(self) -> Look:
        """Observe, wait for what is under way, and plan. Raises ``Refused`` for what stands in the way."""
        seen = await observe(self._deployment, self._client)
        self._audience.observed(seen)
        refuse_strangers(self._deployment, seen, self._names)
        seen = await self._at_rest(seen)
        seen = await with_tips(self._deployment, seen, self._nursery)
        seen = await with_confirmed(self._deployment, seen, self._client)
        self._audience.observed(seen)
        record = chain_record.read(self._deployment.places.chain_record)
        chain = judge(self._deployment, record, seen, utc_now())
        if chain.record.phase == "founding" and not self._may_found:
            raise Refused("the chain is not founded yet.", next_step="ottochain up does that.")
        plan = plan_up(self._deployment, seen, chain, self._names)
        refuse_missing_files(self._deployment, plan)
        await refuse_taken_ports(self._deployment, seen, self._names)
        return Look(seen, chain, plan)

    async def carry_out(self, watch: Watch, first: Look | None = None) -> bool:
        """Until nothing is left to do; False when nothing was to be done. ``first``: a look just taken.

        Raises ``GateNotMet`` when a node does not get where it should.
        """
        look = first or await self.look()
        for turn in range(ROUNDS_MAX):
            if not look.plan:
                return turn > 0
            watch.absorb(look.observation)
            actions = Actions(self._deployment, self._client, self._nursery, watch, look.chain.record)
            await run(look.plan, actions.carry_out, self._audience)
            if everything_is_up(self._deployment, watch.observation, self._names):
                return True
            look = await self.look()
        left = ", ".join(
            f"{name} {look.observation[name].state or look.observation[name].process}"
            for name in look.observation.nodes
            if name in self._names and not look.observation[name].is_ready
        )
        raise GateNotMet(
            f"after {ROUNDS_MAX} rounds these nodes are still not up: {left or 'a layer is not one cluster'}.",
            next_step="ottochain status, and ottochain logs NODE for a node that is not Ready.",
        )

    async def _at_rest(self, seen: Observation) -> Observation:
        """Wait for what is under way: starting, joining, ending. What does not move in time is taken as it is."""
        layers = {self._deployment.by_name[name].layer for name in self._names}
        restless = [facts.name for facts in seen.nodes.values() if facts.layer in layers and _is_restless(facts)]
        if not restless:
            return seen

        def settled(now: Observation) -> bool | None:
            return None if any(_is_restless(now[name]) for name in restless) else True

        async with Watch(self._deployment, self._client, seen, self._audience.observed) as watch:
            with suppress(GateNotMet):
                await watch.until(f"{', '.join(restless)} at rest", settled, [], REST_SECONDS)
        return await observe(self._deployment, self._client)


def prepare_files(deployment: Deployment) -> None:
    """The files that nodes read: refused when a key is missing, written when they differ."""
    without = [node.name for node in deployment.nodes if node.key.peer_id is None]
    if without:
        raise Refused(
            f"the keys of {', '.join(without)} are missing from {deployment.places.keys}.",
            next_step="put them back, or, if they were never made, run `ottochain init`.",
        )
    for layer in L1_LAYERS:
        peers = "".join(f"{node.key.peer_id}\n" for node in deployment.layer(layer)).encode()
        file = deployment.places.peers_of(layer)
        if not file.exists() or file.read_bytes() != peers:
            write_durably(file, peers)


def _is_restless(facts: NodeFacts) -> bool:
    if facts.process == "stopped":
        return False
    return facts.state in UNDER_WAY or not facts.answers


def refuse_strangers(deployment: Deployment, seen: Observation, names: Collection[str]) -> None:
    """Something answers on a node's port that is not the node, or a node whose data folder was taken from under it."""
    for facts in (facts for facts in seen.nodes.values() if facts.name in names):
        if facts.is_stranger or (facts.answers and facts.process == "stopped"):
            node = deployment.by_name[facts.name]
            who = host.listener_of(node.ports.public)
            what = "another node" if facts.is_stranger else "this node, without holding its data folder,"
            raise Refused(
                f"port {node.ports.public} of {node.name} is answered by {what}: {who}.",
                next_step="end that process, or give this deployment other ports (port_offset in ottochain.toml).",
            )


def refuse_missing_files(deployment: Deployment, plan: Plan) -> None:
    """Of each node to be started the password; for a founding also the balances that the chains begin with."""
    places, balances = deployment.places, []
    for step in plan.steps:
        match step.action:
            case Start(name, _, argument):
                deployment.by_name[name].key.password.check()
                if argument == str(places.gl0_genesis):
                    balances.append(places.gl0_genesis)
            case CreateGenesis() if not places.ml0_genesis.with_name("genesis.snapshot").exists():
                balances.append(places.ml0_genesis)
    missing = [str(file) for file in balances if not file.is_file()]
    if missing:
        raise Refused(
            f"the chain is to be founded, and the balances it begins with are missing: {', '.join(missing)}.",
            next_step="put them back, or run `ottochain init`: it makes files in which the default wallet owns all.",
        )


async def refuse_taken_ports(deployment: Deployment, seen: Observation, names: Collection[str]) -> None:
    """Every port in use by somebody else is named before anything is started. A process that is just ending, such as
    a node that was killed a moment ago, is given the moment that the kernel needs to close its ports."""
    stopped = [node for node in deployment.nodes if node.name in names and seen[node.name].process == "stopped"]
    deadline = time.monotonic() + CLOSING_SECONDS
    while taken := _taken(stopped):
        if time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            continue
        listed = "\n".join(f"  {port} of {name}: {host.listener_of(port)}" for port, name in taken)
        raise Refused(
            f"these ports are in use:\n{listed}\nNothing was started.",
            next_step="end those processes, or give this deployment other ports (port_offset in ottochain.toml).",
        )


def _taken(nodes: Collection[Node]) -> list[tuple[int, str]]:
    return [(port, node.name) for node in nodes for port in node.ports if host.is_taken(port)]
