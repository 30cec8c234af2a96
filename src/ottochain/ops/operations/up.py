"""Bring a deployment up, or back up: ``ottochain up``.

Observe every node; wait for what is under way; judge the chain; plan; execute; observe again, until nothing is left to
do. Killed at any instant, the same command goes on: every step asks first whether it is done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ottochain.client.light import LightClient
from ottochain.ops import chain_record, lease
from ottochain.ops.chain_record import ChainRecord
from ottochain.ops.engine import L1_LAYERS
from ottochain.ops.errors import GateNotMet, Refused
from ottochain.ops.execute.actions import Actions, utc_now
from ottochain.ops.execute.runner import Audience, run
from ottochain.ops.execute.watch import Watch
from ottochain.ops.facts.observation import NodeFacts, Observation, everything_is_up
from ottochain.ops.facts.observe import observe, with_confirmed, with_tips
from ottochain.ops.files import write_durably
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.bring_up import plan_up
from ottochain.ops.plan.chain import judge
from ottochain.ops.plan.steps import CreateGenesis, Plan, Start
from ottochain.ops.runtimes import host, process
from ottochain.ops.runtimes.nursery import COMMAND, Nursery

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
class Up:
    """How it ended: the last observation, the chain, and whether anything had to be done."""

    observation: Observation
    record: ChainRecord
    changed: bool


async def bring_up(deployment: Deployment, audience: Audience, nursery_command: Sequence[str] = COMMAND) -> Up:
    """Everything Ready and seen in GL0, or an error that says what stands in the way."""
    with lease.hold(deployment.places.lease, "up"):
        prepare(deployment)
        nursery = Nursery(deployment.places.run / "nursery.err", nursery_command)
        if any(process.look(node).state != "running" for node in deployment.nodes):
            nursery.begin()
        try:
            async with LightClient() as client:
                return await _until_up(deployment, client, nursery, audience)
        finally:
            nursery.close()


def prepare(deployment: Deployment) -> None:
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


async def _until_up(deployment: Deployment, client: LightClient, nursery: Nursery, audience: Audience) -> Up:
    changed = False
    for _ in range(ROUNDS_MAX):
        seen = await observe(deployment, client)
        audience.observed(seen)
        refuse_strangers(deployment, seen)
        seen = await _at_rest(deployment, client, seen, audience)
        seen = await with_tips(deployment, seen, nursery)
        seen = await with_confirmed(deployment, seen, client)
        audience.observed(seen)
        chain = judge(deployment, chain_record.read(deployment.places.chain_record), seen, utc_now())
        plan = plan_up(deployment, seen, chain)
        if not plan:
            return Up(seen, chain.record, changed)
        changed = True
        refuse_missing_files(deployment, plan)
        await refuse_taken_ports(deployment, seen)
        async with Watch(deployment, client, seen, audience.observed) as watch:
            actions = Actions(deployment, client, nursery, watch, chain.record)
            await run(plan, actions, audience)
            if everything_is_up(deployment, watch.observation):
                return Up(watch.observation, actions.record, changed)
    left = ", ".join(
        f"{facts.name} {facts.state or facts.process}" for facts in seen.nodes.values() if not facts.is_ready
    )
    raise GateNotMet(
        f"after {ROUNDS_MAX} rounds the deployment is still not up: {left or 'a layer is not one cluster'}.",
        next_step="ottochain status, and ottochain logs NODE for a node that is not Ready.",
    )


async def _at_rest(deployment: Deployment, client: LightClient, seen: Observation, audience: Audience) -> Observation:
    """Wait for what is under way: starting, joining, ending. What does not move in time is taken as it is."""
    restless = [facts.name for facts in seen.nodes.values() if _is_restless(facts)]
    if not restless:
        return seen

    def settled(now: Observation) -> bool | None:
        return None if any(_is_restless(now[name]) for name in restless) else True

    async with Watch(deployment, client, seen, audience.observed) as watch:
        with suppress(GateNotMet):
            await watch.until(f"{', '.join(restless)} at rest", settled, [], REST_SECONDS)
    return await observe(deployment, client)


def _is_restless(facts: NodeFacts) -> bool:
    if facts.process == "stopped":
        return False
    return facts.state in UNDER_WAY or not facts.answers


def refuse_strangers(deployment: Deployment, seen: Observation) -> None:
    """Something answers on a node's port that is not the node, or a node whose data folder was taken from under it."""
    for facts in seen.nodes.values():
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


async def refuse_taken_ports(deployment: Deployment, seen: Observation) -> None:
    """Every port in use by somebody else is named before anything is started. A process that is just ending, such as
    a node that was killed a moment ago, is given the moment that the kernel needs to close its ports."""
    stopped = [deployment.by_name[name] for name, facts in seen.nodes.items() if facts.process == "stopped"]
    deadline = time.monotonic() + CLOSING_SECONDS
    while taken := [(port, node.name) for node in stopped for port in node.ports if host.is_taken(port)]:
        if time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            continue
        listed = "\n".join(f"  {port} of {name}: {host.listener_of(port)}" for port, name in taken)
        raise Refused(
            f"these ports are in use:\n{listed}\nNothing was started.",
            next_step="end those processes, or give this deployment other ports (port_offset in ottochain.toml).",
        )
