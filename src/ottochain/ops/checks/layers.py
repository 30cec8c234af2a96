"""The checks of one layer: its nodes, its members as each of them sees them, its progress, its agreement. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ottochain.ops.checks.finding import Finding, Level, names, seconds_in_words
from ottochain.ops.checks.progress import advances, due_seconds, layer_advances
from ottochain.ops.engine import Layer
from ottochain.ops.facts.health import HealthFacts
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.inventory.deployment import Deployment

BEHIND_MAX: Final = 20
"""An L1 node may be that many snapshots behind at one look: under load they come by the dozen each second."""
OUTBOX_SECONDS_MAX: Final = 60.0
SHORT_ID: Final = 8


def check_layer(deployment: Deployment, facts: HealthFacts, layer: Layer) -> list[Finding]:
    """Everything about one layer."""
    observation = facts.observation
    return [
        nodes_are_ready(deployment, observation, layer),
        members_see_one_another(deployment, observation, layer),
        chain_advances(deployment, observation, layer),
        *nothing_lags(deployment, observation, layer),
        hashes_agree(facts, layer),
        *snapshots_are_confirmed(observation, layer),
    ]


def can_work(facts: NodeFacts) -> bool:
    """Ready, and on the chain of the layer above."""
    return facts.is_ready and not (facts.own and facts.own.diverged)


def is_unknown(facts: NodeFacts) -> bool:
    """Could nothing be seen of it? A process that lives and does not answer may work for others."""
    return not facts.answers and not facts.is_stranger and facts.process != "stopped"


def nodes_are_ready(deployment: Deployment, observation: Observation, layer: Layer) -> Finding:
    """Down when fewer than the floor can work, and no unseen node could make up for it."""
    nodes = observation.layer(layer)
    need = deployment.need(layer)
    working = [facts for facts in nodes if can_work(facts)]
    unseen = [facts for facts in nodes if is_unknown(facts)]
    said = f"{len(working)} of {len(nodes)} Ready, {need} needed"
    others = [f"{facts.name} {condition(facts)}" for facts in nodes if not can_work(facts)]
    if not others:
        return Finding("nodes", layer, "ok", said)
    level: Level = "degraded"
    if len(working) < need:
        level = "unknown" if len(working) + len(unseen) >= need else "down"
    first = next(facts for facts in nodes if not can_work(facts))
    next_step = f"ottochain explain {first.name}"
    return Finding("nodes", layer, level, f"{said}: {'; '.join(others)}", next_step)


def condition(facts: NodeFacts) -> str:
    """A node's condition in a few words."""
    if facts.is_stranger:
        return "another program answers on its port"
    if facts.own and facts.own.diverged and facts.is_ready:
        return "diverged"
    if facts.state:
        lasting = facts.own.state_seconds if facts.own else None
        return facts.state if lasting is None else f"{facts.state} for {seconds_in_words(lasting)}"
    if facts.process == "running":
        return f"runs and does not answer ({facts.silent_because})"
    return "stopped" if facts.process == "stopped" else f"can't be seen ({facts.silent_because})"


def members_see_one_another(deployment: Deployment, observation: Observation, layer: Layer) -> Finding:
    """Each Ready node must see each other Ready one, in one cluster session, and nobody else."""
    ready = observation.ready(layer)
    if not ready:
        return Finding("members", layer, "unknown", "no Ready node to ask", "ottochain up")
    known = {node.key.peer_id: node.name for node in deployment.layer(layer)}
    problems: list[str] = []
    for facts in ready:
        if facts.members is None:
            problems.append(f"{facts.name} does not say whom it sees")
            continue
        missing = [other.name for other in ready if not facts.sees_ready(other.peer_id)]
        if missing:
            problems.append(f"{facts.name} does not see {names(missing)} Ready")
        gone = [
            f"{known[member.id]} {member.state}"
            for member in facts.members
            if member.id in known and member.state != "Ready"
        ]
        if gone:
            problems.append(f"{facts.name} sees {names(gone)}")
        strangers = [member.id[:SHORT_ID] for member in facts.members if member.id not in known]
        if strangers:
            problems.append(f"{facts.name} sees {names(strangers)}, which this deployment does not name")
    sessions = {facts.info.cluster_session: facts.name for facts in ready if facts.info}
    if len(sessions) > 1:
        problems.insert(0, f"{len(sessions)} clusters: {names(list(sessions.values()))} have different sessions")
    if problems:
        return Finding("members", layer, "degraded", "; ".join(problems), "ottochain up")
    count = "its own only" if len(observation.layer(layer)) == 1 else f"each of {len(ready)} sees all {len(ready)}"
    stale = [
        f"{facts.name} still sees {other.name} Ready"
        for facts in ready
        for other in observation.layer(layer)
        if not other.is_ready and facts.sees_ready(other.peer_id)
    ]
    # A node that has nothing to say to another learns of its end when it has.
    level: Level = "note" if stale else "ok"
    return Finding("members", layer, level, "; ".join([f"{count}, one session", *stale]))


def chain_advances(deployment: Deployment, observation: Observation, layer: Layer) -> Finding:
    """Down when a layer's Ready nodes all stand still: nothing is decided any more.

    An L1 layer makes no snapshots of its own: where ML0 stands still, that is ML0's finding.
    """
    heads = [facts for facts in observation.layer(layer) if facts.ordinal is not None]
    if not heads:
        return Finding("advancing", layer, "unknown", "no node tells an ordinal", "ottochain up")
    newest = max(heads, key=lambda facts: facts.ordinal or 0)
    age = newest.own.ordinal_seconds if newest.own else None
    said = f"ordinal {newest.ordinal}" + ("" if age is None else f", {seconds_in_words(age)} ago")
    moving = layer_advances(observation, layer)
    rules = deployment.engine.rules(layer)
    if not moving and rules.parent and not rules.keeps_chain and layer_advances(observation, rules.parent) is not True:
        return Finding("advancing", layer, "note", f"{said}; it follows {rules.parent}, which is not seen to advance")
    if moving:
        still = [facts.name for facts in observation.ready(layer) if advances(facts) is False]
        if still:
            said += f"; {names(still)} {'stands' if len(still) == 1 else 'stand'} still"
            return Finding("advancing", layer, "degraded", said, f"ottochain explain {still[0]}")
        return Finding("advancing", layer, "ok", said)
    due = due_seconds(newest)
    if moving is None and newest.is_ready and due is not None:
        return Finding(
            "advancing", layer, "note", f"{said}; up for {_uptime(newest)}, the next is due within {due:.0f} s"
        )
    if moving is None:
        return Finding("advancing", layer, "unknown", f"{said}; it does not say when that came", "ottochain status")
    late = f"{said}; one was due within {due:.0f} s" if due is not None else said
    return Finding("advancing", layer, "down", f"stands still: {late}", f"ottochain explain {newest.name}")


def _uptime(facts: NodeFacts) -> str:
    uptime = facts.own.uptime_seconds if facts.own else None
    return "a time it does not tell" if uptime is None else seconds_in_words(uptime)


def nothing_lags(deployment: Deployment, observation: Observation, layer: Layer) -> Iterable[Finding]:
    """How far each node is behind the newest head that it should have: its layer's, or ML0's for the L1 layers."""
    parent = deployment.engine.rules(layer).parent
    keeps_chain = deployment.engine.rules(layer).keeps_chain
    if keeps_chain and len(observation.layer(layer)) == 1:
        return
    ahead: Layer = layer if keeps_chain or parent is None else parent
    heads = [facts.ordinal for facts in observation.ready(ahead) if facts.ordinal is not None]
    ready = [facts for facts in observation.ready(layer) if facts.ordinal is not None]
    if not heads or not ready:
        yield Finding("lag", layer, "unknown", f"no Ready node of {layer if not ready else ahead} to compare with")
        return
    newest = max(heads)
    behind = {facts.name: newest - (facts.ordinal or 0) for facts in ready if newest > (facts.ordinal or 0)}
    late = [name for name, count in behind.items() if count > BEHIND_MAX]
    said = ", ".join(f"{name} by {count}" for name, count in behind.items())
    if late:
        yield Finding("lag", layer, "degraded", f"behind {ahead}: {said}", f"ottochain explain {late[0]}")
    else:
        yield Finding("lag", layer, "ok", f"behind {ahead}: {said}" if said else f"level with {ahead}")


def hashes_agree(facts: HealthFacts, layer: Layer) -> Finding:
    """The same ordinal must have the same hash at everybody: else there are two chains."""
    comparisons = facts.comparisons.get(layer, ())
    known = [(one.ordinal, {n: h for n, h in one.hashes.items() if h is not None}) for one in comparisons]
    forks = [(ordinal, hashes) for ordinal, hashes in known if len(set(hashes.values())) > 1]
    if forks:
        ordinal, hashes = forks[0]
        said = ", ".join(f"{name} {one[:SHORT_ID]}" for name, one in hashes.items())
        return Finding(
            "hash",
            layer,
            "degraded",
            f"two chains at ordinal {ordinal}: {said}",
            f"ottochain explain {next(iter(hashes))}",
        )
    diverged = [one.name for one in facts.observation.layer(layer) if one.own and one.own.diverged]
    if diverged:
        said = f"{names(diverged)} followed a snapshot that the layer above does not have"
        return Finding("hash", layer, "degraded", said, f"ottochain explain {diverged[0]}")
    compared = [(ordinal, hashes) for ordinal, hashes in known if len(hashes) > 1]
    if compared:
        ordinal, hashes = max(compared, key=lambda one: len(one[1]))
        return Finding("hash", layer, "ok", f"{names(list(hashes))} have the same at ordinal {ordinal}")
    if len(facts.observation.layer(layer)) == 1:
        return Finding("hash", layer, "ok", "one node, nobody to differ from")
    return Finding("hash", layer, "unknown", "fewer than two nodes tell a hash", "ottochain status")


def snapshots_are_confirmed(observation: Observation, layer: Layer) -> Iterable[Finding]:
    """ML0's snapshots must get into GL0's: what waits in the outbox, for how long, and how far GL0 is."""
    if layer != "ml0":
        return
    ready = [facts for facts in observation.ready(layer) if facts.own]
    if not ready:
        yield Finding("confirmed", layer, "unknown", "no Ready node tells what GL0 confirmed", "ottochain explain ml0")
        return
    newest = max(ready, key=lambda facts: facts.ordinal or 0)
    own = newest.own
    assert own is not None
    held = _held_by_gl0(observation, own.metagraph_id, own.confirmed)
    said = f"GL0 holds {'nothing' if held is None else held} of {newest.ordinal}"
    if own.outbox is None:
        yield Finding("confirmed", layer, "unknown" if held is None else "ok", said)
        return
    waiting = own.outbox
    if not waiting.depth:
        yield Finding("confirmed", layer, "ok", f"{said}; nothing waits")
        return
    said += f"; {waiting.depth} wait"
    if waiting.oldest_seconds is not None:
        said += f", the oldest for {seconds_in_words(waiting.oldest_seconds)}"
    if waiting.last_problem:
        said += f" ({waiting.last_problem})"
    if waiting.oldest_seconds is not None and waiting.oldest_seconds > OUTBOX_SECONDS_MAX:
        yield Finding("confirmed", layer, "degraded", said, f"ottochain explain {newest.name}")
    else:
        yield Finding("confirmed", layer, "ok", said)


def _held_by_gl0(observation: Observation, token: str | None, as_told_by_ml0: int | None) -> int | None:
    told: Sequence[int | None] = [
        (facts.own.metagraphs or {}).get(token or "") for facts in observation.ready("gl0") if facts.own
    ]
    return max((one for one in (*told, as_told_by_ml0) if one is not None), default=None)
