"""Observe a deployment: every node at once, each question bounded in time, nothing changed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ottochain.client.light import Answer, LightClient, Unreachable
from ottochain.client.readings import MalformedReading, NodeInfo, OwnFacts, read_members, read_ordinal
from ottochain.ops.facts.observation import NO_DATA, NodeFacts, Observation, Tip
from ottochain.ops.inventory.deployment import Deployment, Node
from ottochain.ops.runtimes import process
from ottochain.ops.runtimes.nursery import Nursery

QUESTION_SECONDS = 2.0
STORE_NAME = "node.sqlite"
_ORDINAL_ROUTES = {"gl0": "/global-snapshots/latest/ordinal", "ml0": "/snapshots/latest/ordinal"}


async def observe(deployment: Deployment, client: LightClient) -> Observation:
    """One picture of every node."""
    found = await asyncio.gather(*(observe_node(node, client) for node in deployment.nodes))
    return Observation({facts.name: facts for facts in found}, at=time.monotonic())


async def observe_node(node: Node, client: LightClient, *, thoroughly: bool = True) -> NodeFacts:
    """One node: its process, its state, and (``thoroughly``) its members, ordinal and own facts."""
    alive = process.look(node)
    facts = NodeFacts(
        name=node.name,
        layer=node.layer,
        peer_id=node.key.peer_id,
        process=alive.state,
        pid=alive.pid,
        life=alive.life,
    )
    try:
        facts = replace(facts, info=NodeInfo.read((await _ask(client, node, "/node/info")).body))
    except (Unreachable, MalformedReading) as error:
        return replace(facts, silent_because=str(error))
    return await look_closer(node, facts, client) if thoroughly and not facts.is_stranger else facts


async def look_closer(node: Node, facts: NodeFacts, client: LightClient) -> NodeFacts:
    """Members, ordinal and own facts of a node that answers."""
    members, own = await asyncio.gather(_members(node, client), _own(node, client))
    ordinal = own.ordinal if own else await _ordinal(node, client)
    return replace(facts, members=members, own=own, ordinal=ordinal)


async def observe_confirmed(node: Node, client: LightClient) -> Mapping[str, int] | None:
    """What a GL0 node's latest snapshot holds of each metagraph; None when it could not be asked."""
    own = await _own(node, client)
    if own and own.metagraphs is not None:
        return own.metagraphs
    try:
        answer = await _ask(client, node, "/global-snapshots/latest/combined")
        current: Mapping[str, Any] = json.loads(answer.body)[1]["lastCurrencySnapshots"]
        return {token: _currency_ordinal(snapshot) for token, snapshot in current.items()}
    except (Unreachable, MalformedReading, ValueError, KeyError, TypeError, IndexError):
        return None


def _currency_ordinal(snapshot: Mapping[str, Any]) -> int:
    """Either side of the reference's ``Either``: the full genesis, or the latest incremental with its context."""
    if "Right" in snapshot:
        return int(snapshot["Right"][0]["value"]["ordinal"])
    return int(snapshot["Left"]["value"]["ordinal"])


async def observe_tip(node: Node, nursery: Nursery) -> Tip:
    """The end of a stopped node's chain."""
    if not (node.data_dir / STORE_NAME).exists():
        return NO_DATA
    found = await nursery.tip(node.data_dir)
    if "error" in found or "ordinal" not in found:
        return Tip(None, None, None, unreadable=str(found.get("error", found)))
    return Tip(found["ordinal"], found["hash"], found["metagraphId"])


async def with_tips(deployment: Deployment, observation: Observation, nursery: Nursery) -> Observation:
    """The same picture, with the tips of the stopped nodes."""
    nodes = dict(observation.nodes)
    for name, facts in observation.nodes.items():
        if facts.process == "stopped" and not facts.answers:
            nodes[name] = replace(facts, tip=await observe_tip(deployment.by_name[name], nursery))
    return Observation(nodes, observation.at)


async def with_confirmed(deployment: Deployment, observation: Observation, client: LightClient) -> Observation:
    """The same picture, with what the Ready GL0 nodes hold of each metagraph."""
    nodes = dict(observation.nodes)
    for facts in observation.ready("gl0"):
        nodes[facts.name] = replace(facts, confirmed=await observe_confirmed(deployment.by_name[facts.name], client))
    return Observation(nodes, observation.at)


async def _ask(client: LightClient, node: Node, path: str) -> Answer:
    answer = await client.get(node.host, node.ports.public, path, seconds=QUESTION_SECONDS)
    if not answer.ok:
        raise MalformedReading(f"{path} answered {answer.status}")
    return answer


async def _members(node: Node, client: LightClient) -> Any:
    try:
        return read_members((await _ask(client, node, "/cluster/info")).body)
    except (Unreachable, MalformedReading):
        return None


async def _own(node: Node, client: LightClient) -> OwnFacts | None:
    try:
        return OwnFacts.read((await _ask(client, node, "/ottochain/node")).body)
    except (Unreachable, MalformedReading):
        return None


async def _ordinal(node: Node, client: LightClient) -> int | None:
    route = _ORDINAL_ROUTES.get(node.layer)
    try:
        return read_ordinal((await _ask(client, node, route)).body) if route else None
    except (Unreachable, MalformedReading):
        return None
