"""Make a learner of an L0 layer a validator: the operator signs a change of the set, the validators commit it.

A validator that lost its record of votes with its disk is removed first: whatever it voted is of decided heights then.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Final

from ottochain.client.light import LightClient, Unreachable
from ottochain.layers.validators import ValidatorChange
from ottochain.ops import keyring
from ottochain.ops.errors import GateNotMet
from ottochain.ops.execute.watch import Watch
from ottochain.ops.facts.observation import Observation
from ottochain.ops.inventory.deployment import Deployment, Node

OBSERVING: Final = "Observing"
"""The state of a learner that has caught up."""

REMOVED_SECONDS: Final = 30.0
ASK_AGAIN_SECONDS: Final = 0.1


async def enrol(deployment: Deployment, node: Node, client: LightClient, watch: Watch) -> str:
    """Wait until the node is Ready, asking for the change unless it is a validator already."""
    member = deployment.by_name[_a_ready_member(watch.observation, node)]
    facts = await _own_facts(client, member)
    me = watch.observation[node.name].peer_id
    assert me
    note = "a validator already"
    if me in facts["validators"] and await _has_lost_its_votes(client, node):
        await _ask(deployment, client, member, facts, remove=me)
        facts = await _without(client, member, me, watch)
        note = "anew, for its record of votes was lost"
    if me not in facts["validators"]:
        await _ask(deployment, client, member, facts, add=me)
        note = f"by {member.name}" if note == "a validator already" else note
    watch.hurry(node.name)
    await watch.until(
        f"{node.name} Ready as a validator", lambda seen: True if seen[node.name].is_ready else None, [node.name]
    )
    return note


async def _has_lost_its_votes(client: LightClient, node: Node) -> bool:
    return (await _own_facts(client, node)).get("votesLost") is True


async def _without(client: LightClient, member: Node, removed: str, watch: Watch) -> dict[str, Any]:
    """What a member tells once the set is without the one removed; it may be added again then."""
    deadline = time.monotonic() + REMOVED_SECONDS
    while True:
        facts = await _own_facts(client, member)
        if removed not in facts["validators"]:
            return facts
        if time.monotonic() > deadline:
            raise GateNotMet(
                f"{member.name} has not committed the removal of a validator whose record of votes is lost:"
                " too few of the others vote.",
                next_step="start the other validators of this layer, then `ottochain up` again.",
            )
        watch.hurry(member.name)
        await asyncio.sleep(ASK_AGAIN_SECONDS)


def _a_ready_member(seen: Observation, node: Node) -> str:
    ready = [facts.name for facts in seen.ready(node.layer) if facts.name != node.name]
    if not ready:
        raise GateNotMet(
            f"no other node of {node.layer} is Ready: nobody can make {node.name} a validator.",
            next_step="ottochain status, then `ottochain up` again.",
        )
    return ready[0]


async def _own_facts(client: LightClient, member: Node) -> dict[str, Any]:
    try:
        answer = await client.get(member.host, member.ports.public, "/ottochain/node")
        facts: dict[str, Any] = json.loads(answer.body)
    except (Unreachable, ValueError) as error:
        raise GateNotMet(
            f"{member.name} does not tell its validators: {error}.", next_step=f"ottochain logs {member.name}"
        ) from None
    return facts


async def _ask(
    deployment: Deployment,
    client: LightClient,
    member: Node,
    facts: dict[str, Any],
    *,
    add: str | None = None,
    remove: str | None = None,
) -> None:
    change = ValidatorChange(
        chain_id=facts["chainId"],
        incarnation=facts["incarnation"],
        layer=member.layer,
        number=facts["validatorChanges"] + 1,
        add=add,
        remove=remove,
    )
    key = deployment.operator
    operator = keyring.open_key(key.keystore, key.alias, key.password.reveal())
    body = json.dumps(change.signed(operator)).encode()
    try:
        answer = await client.post("127.0.0.1", member.ports.cli, "/ottochain/validators", body)
    except Unreachable as error:
        raise GateNotMet(
            f"{member.name} does not answer on its cli port {member.ports.cli}: {error}.",
            next_step=f"ottochain logs {member.name}",
        ) from None
    if answer.status != 200:
        said = answer.body[:300].decode("utf-8", "replace")
        raise GateNotMet(
            f"{member.name} refused a change of the validators, with {answer.status}: {said}.",
            next_step=f"ottochain logs {member.name}",
        )
