"""When the storm is over: everything comes right by itself, and then nothing moves. Invariants 15, 22 to 24 and 26."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottochain.sim.checkers.violation import Violated
from ottochain.sim.metagraph_node import MetagraphNode

if TYPE_CHECKING:
    from ottochain.sim.world import World

SILENCE_MS: Final = 60_000


def unsettled(world: World) -> str:
    """What is not right yet; nothing when all is."""
    if world.clients.waiting:
        return f"clients wait for an answer about {sorted(world.clients.waiting)}"
    if not world.operator.idle:
        return "the operator's change of validators is not done"
    for layer in ("ml0", "gl0"):
        if fault := unsettled_layer(world, layer):
            return fault
    if fault := unsettled_l1(world):
        return fault
    return ""


def unsettled_layer(world: World, layer: str) -> str:
    head = len(world.checks.agreement.known[layer]) - 1
    for name in world.honest(layer):
        node = world.validators[name]
        if node.dead:
            continue
        if not node.up or node.facts.height < head:
            return f"{name} is {'at' if node.up else 'down at'} height {node.facts.height} of {head}"
        if (node.state.voting and node.pool_has_work()) or node.state.phase != "cold":
            return f"{name} has work left at height {head}, in phase {node.state.phase}"
        if isinstance(node, MetagraphNode) and node.outbox.depth:
            return f"{name} has {node.outbox.depth} binaries that GL0 does not hold"
    return ""


def unsettled_l1(world: World) -> str:
    for name, node in world.l1_nodes.items():
        if node.dead:
            continue
        if not node.up or node.tables.pool or node.state.undecided:
            return f"{name} has {node.state.undecided} items undecided, {len(node.tables.pool)} in its pool"
    left_behind = {key for node in world.l1_nodes.values() if node.dead for key in node.tables.pool}
    lost = [key for key in world.checks.items.open() if key not in left_behind]
    return f"acknowledged items are not decided: {lost}" if lost else ""


def check_settled(world: World) -> None:
    """Raises Violated when something did not come right in time."""
    if fault := unsettled(world):
        raise Violated(22, f"no end: {fault}")
    marks = world.coverage.marks
    marks["a height was decided in a later view"] += sum(
        stored.certificate.view > 0 for node in world.validators.values() for stored in node.tables.chain
    )
    marks["a validator without its record was added anew"] += len(world.operator.added_anew)


def check_silent(world: World) -> None:
    """With nothing to decide nobody says or writes anything. A liar need not keep to it, so there it is not asked."""
    if world.plan.liars:
        return
    world.agenda.run_until(world.agenda.now + SILENCE_MS)
    sent, written = world.network.sent, world.writes
    world.agenda.run_until(world.agenda.now + SILENCE_MS)
    if (world.network.sent, world.writes) != (sent, written):
        said, wrote = world.network.sent - sent, world.writes - written
        raise Violated(26, f"no silence: in a minute with nothing to decide {said} messages and {wrote} writes")
