"""Stop a deployment, children first: ``ottochain down``. Nothing is deleted, and ``up`` brings it back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ottochain.client.light import LightClient
from ottochain.ops import lease
from ottochain.ops.errors import GateNotMet
from ottochain.ops.facts.observe import observe_node
from ottochain.ops.inventory.deployment import Deployment, Node
from ottochain.ops.runtimes import host, process
from ottochain.ops.runtimes.process import Stopped


@dataclass(frozen=True, slots=True)
class Down:
    """How each node stopped, in the order of stopping."""

    nodes: dict[str, Stopped]

    @property
    def changed(self) -> bool:
        return any(stopped.was_running for stopped in self.nodes.values())


async def bring_down(deployment: Deployment, told: Callable[[Node, Stopped], None]) -> Down:
    """Stop the layers one after the other, from the children up; within a layer all at once.

    ``told`` hears of each node as it stops. Raises ``GateNotMet`` when one cannot be ended, its parents then go on, or
    when one still answers that can't be recognised by its data folder.
    """

    async def stop(node: Node) -> tuple[str, Stopped]:
        stopped = await process.stop(node)
        told(node, stopped)
        return node.name, stopped

    ended: dict[str, Stopped] = {}
    with lease.hold(deployment.places.lease, "down"):
        for group in _groups(deployment):
            ended.update(await asyncio.gather(*(stop(node) for node in group)))
        await _refuse_survivors(deployment)
    return Down(ended)


async def _refuse_survivors(deployment: Deployment) -> None:
    """A node whose data folder was taken from under it, or its lock file written over, looks stopped and is not."""
    taken = [node for node in deployment.nodes if host.is_taken(node.ports.public)]
    if not taken:
        return
    async with LightClient() as client:
        seen = await asyncio.gather(*(observe_node(node, client, thoroughly=False) for node in taken))
    survivors = [node for node, facts in zip(taken, seen, strict=True) if facts.answers and not facts.is_stranger]
    if survivors:
        listed = "\n".join(f"  {node.name}: {host.listener_of(node.ports.public)}" for node in survivors)
        raise GateNotMet(
            f"these nodes still answer, without holding their data folders, so they were left alone:\n{listed}",
            next_step="end those processes (kill PID), then repeat the command.",
        )


def _groups(deployment: Deployment) -> list[tuple[Node, ...]]:
    """Layers with the same parent are siblings and stop together."""
    groups: dict[str | None, tuple[Node, ...]] = {}
    for layer in deployment.stop_order:
        parent = deployment.engine.rules(layer[0].layer).parent
        groups[parent] = groups.get(parent, ()) + layer
    return list(groups.values())
