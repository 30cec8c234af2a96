"""Stop a node: the one that was meant, and only if its layer can spare it."""

from __future__ import annotations

from ottochain.ops.errors import GateNotMet
from ottochain.ops.execute.watch import Watch
from ottochain.ops.inventory.deployment import Deployment, Node
from ottochain.ops.plan.quorum import quorum_without
from ottochain.ops.plan.steps import Stop
from ottochain.ops.runtimes import process


async def stop(deployment: Deployment, watch: Watch, action: Stop) -> str:
    """Done when the node is stopped, or runs in another life than the one that is meant."""
    node = deployment.by_name[action.node]
    fact = process.look(node)
    if action.life is not None and fact.state == "running" and fact.life != action.life:
        return f"already stopped: process {fact.pid} is a new one"
    if fact.state != "stopped" and not action.may_pause:
        _refuse_pause(deployment, watch, node)
    done = await process.stop(node)
    watch.hurry(node.name)
    await watch.until(f"{node.name} stopped", lambda seen: True if seen[node.name].process == "stopped" else None, [])
    if not done.was_running:
        return "already stopped"
    return f"{'killed: it did not end when asked, ' if done.by_force else 'stopped '}after {done.seconds:.2f} s"


def _refuse_pause(deployment: Deployment, watch: Watch, node: Node) -> None:
    """What was counted when the plan was made is counted again: another node may have stopped meanwhile."""
    seen = watch.observation
    quorum = quorum_without(deployment, seen, node.layer, [node.name])
    if seen[node.name].is_ready and not quorum.goes_on:
        away = [facts.name for facts in seen.layer(node.layer) if not facts.is_ready]
        raise GateNotMet(
            f"{node.name} was not stopped: {', '.join(away) or 'another node'} is not Ready any more, and without "
            f"{node.name} {quorum.sentence}.",
            next_step=f"ottochain start {node.layer} brings its nodes back",
        )
