"""Let a node leave its cluster, and see that nothing it had acknowledged is left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ottochain.client.light import LightClient, Unreachable
from ottochain.ops.engine import Layer
from ottochain.ops.errors import GateNotMet
from ottochain.ops.execute.watch import Watch
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.inventory.deployment import Deployment, Node
from ottochain.ops.plan.steps import HandOver, Leave
from ottochain.ops.runtimes import process
from ottochain.ops.runtimes.nursery import Nursery

LEFT: Final = ("Offline", "Initial", "ReadyToJoin")
"""Where a node is that has left: the one that had founded the cluster starts anew by itself, others stay Offline."""
LEAVE_SECONDS: Final = 90.0
"""How long a node may stay in Leaving, where nothing moves: the reference takes 30 s for it."""
SHOWN_MAX: Final = 10
ROUTES: Final[Mapping[Layer, tuple[str, ...]]] = {
    "dl1": ("/data",),
    "cl1": ("/transactions", "/allow-spends", "/token-locks"),
}
"""Where clients bring items, and ask for them by hash. CL1 has one for each kind, and refuses those of another."""


async def leave(deployment: Deployment, client: LightClient, watch: Watch, action: Leave) -> str:
    """Done when no Ready peer sees the node Ready. Raises ``GateNotMet`` when the node does not take the call."""
    node = deployment.by_name[action.node]
    fact = process.look(node)
    if fact.life != action.life:
        return "already: it does not run any more"
    if watch.observation[node.name].state not in LEFT:
        try:
            answer = await client.post("127.0.0.1", node.ports.cli, "/cluster/leave", b"")
        except Unreachable as error:
            raise GateNotMet(
                f"{node.name} does not answer on its cli port {node.ports.cli}: {error}. It was left as it is.",
                next_step=f"ottochain logs {node.name}",
            ) from None
        if not answer.ok:
            raise GateNotMet(
                f"{node.name} did not take the call to leave: {answer.status}.",
                next_step=f"ottochain logs {node.name}",
            )
    for one in deployment.layer(node.layer):
        watch.hurry(one.name)
    await watch.until(
        f"{node.name} gone from the view of its peers",
        lambda seen: True if _has_left(seen, node) else None,
        [],
        LEAVE_SECONDS,
    )
    return f"{watch.observation[node.name].state or 'ended'}, no peer sees it Ready"


def _has_left(seen: Observation, node: Node) -> bool:
    me = seen[node.name]
    peers = [peer for peer in seen.ready(node.layer) if peer.name != node.name]
    return not me.is_ready and me.state != "Leaving" and not any(peer.sees_ready(me.peer_id) for peer in peers)


async def hand_over(
    deployment: Deployment, client: LightClient, nursery: Nursery, watch: Watch, action: HandOver
) -> str:
    """Every item of the stopped node's pool is known at a Ready peer. Raises ``GateNotMet`` listing those that are
    not; the pool stays as it is."""
    node = deployment.by_name[action.node]
    if action.place and (deployment.places.quarantine / action.place).exists():
        return "already: its data was moved"
    if process.look(node).state != "stopped":
        return "it runs again, and decides about its pool itself"
    items = await nursery.waiting(node.data_dir)
    if not items:
        return "nothing waits"
    peers = [peer for peer in watch.observation.ready(node.layer) if peer.name != node.name]
    left = await _hand_to(deployment, client, peers, items)
    if left:
        shown = "\n".join(f"  {item_hash}" for item_hash in left[:SHOWN_MAX])
        more = f"\n  … and {len(left) - SHOWN_MAX} more" if len(left) > SHOWN_MAX else ""
        raise GateNotMet(
            f"{len(left)} of {len(items)} items that {node.name} acknowledged wait in its pool alone, so it was left "
            f"as it is (stopped, its data in place):\n{shown}{more}",
            next_step=f"ottochain node join {node.name}: there they are decided. Later, ottochain operations resume",
        )
    return f"{len(items)} items are known at {peers[0].name}"


async def _hand_to(
    deployment: Deployment, client: LightClient, peers: Sequence[NodeFacts], items: Sequence[tuple[str, bytes]]
) -> list[str]:
    """The hashes of those items that no peer knows in the end."""
    nodes, left = [deployment.by_name[peer.name] for peer in peers], []
    for item_hash, signed in items:
        for node in nodes:
            if await _is_taken(client, node, item_hash, signed):
                break
        else:
            left.append(item_hash)
    return left


async def _is_taken(client: LightClient, node: Node, item_hash: str, signed: bytes) -> bool:
    """The node has it on disk, or knows what became of it. To post an item twice makes no second one of it."""
    for route in ROUTES[node.layer]:
        try:
            posted = await client.post(node.host, node.ports.public, route, signed)
            if posted.ok:
                return True
            known = await client.get(node.host, node.ports.public, f"{route}/{item_hash}", seconds=5.0)
        except Unreachable:
            return False
        if known.ok:
            return True
    return False
