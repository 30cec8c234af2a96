"""The procedures that stop and start nodes: ``up``, ``down``, ``start``, ``stop``, ``restart``. Pure.

Children stop first, parents start first. A rolling restart takes one node after the other and goes on when it is back
among its peers; a full one stops all of them, then brings all up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ottochain.ops.engine import Layer
from ottochain.ops.facts.observation import NodeFacts, Observation, everything_is_up
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.quorum import quorum_without
from ottochain.ops.plan.request import Request
from ottochain.ops.plan.steps import BringUp, Head, Plan, Step, Stop, Verify


def plan_bring_up(deployment: Deployment, observation: Observation, request: Request) -> Plan:
    """``up``, ``start`` and ``node join``: one step, whose small steps follow from what is found then."""
    if request.verb == "up":
        names = tuple(node.name for node in deployment.nodes)
        sentence = "Bring up every node, parents first, and wait until each layer is one cluster"
        return Plan((Step("bring up stack", sentence, "it is to be up", BringUp(names, may_found=True)),))
    if everything_is_up(deployment, observation, request.nodes):
        return Plan(())
    return Plan((bring_up_step(deployment, request.nodes, "it is to be up", ()),))


def plan_stop(deployment: Deployment, observation: Observation, request: Request) -> Plan:
    """``stop`` and ``down``: every node of the request that is not stopped, children first."""
    return Plan(tuple(stop_steps(deployment, observation, request.nodes)))


def plan_restart(deployment: Deployment, observation: Observation, request: Request) -> Plan:
    """``restart``, rolling or full."""
    yielding = _rolling if request.how == "rolling" else _full
    steps = list(yielding(deployment, observation, request))
    steps.append(verify_step(deployment, observation, request.nodes, steps))
    return Plan(tuple(steps))


def stop_steps(deployment: Deployment, observation: Observation, names: Collection[str]) -> Iterator[Step]:
    """Nodes of one layer at once, after all those of the layers below."""
    stopping: dict[Layer, list[str]] = {}
    for layer in deployment.stop_order:
        facts = [observation[node.name] for node in layer if node.name in names]
        below = [each for child in _below(deployment, layer[0].layer) for each in stopping.get(child, ())]
        steps = [_stop(one, below) for one in facts if one.process != "stopped"]
        # A layer of which nothing is stopped hands on what its children wait for.
        stopping[layer[0].layer] = [step.id for step in steps] or below
        yield from steps


def _below(deployment: Deployment, layer: Layer) -> list[Layer]:
    return [child for child, rules in deployment.engine.layers.items() if rules.parent == layer]


def _stop(facts: NodeFacts, below: Sequence[str]) -> Step:
    why = "children stop before their parents" if below else "it was asked for"
    return Step(f"stop {facts.name}", f"Stop {facts.name}", why, Stop(facts.name, facts.life), tuple(below))


def bring_up_step(deployment: Deployment, names: Sequence[str], why: str, after: Sequence[str]) -> Step:
    """Start what is stopped of them and wait until they are Ready members."""
    ordered = tuple(node.name for node in deployment.nodes if node.name in names)
    if len(ordered) == 1:
        (name,) = ordered
        peers = len(deployment.layer(deployment.by_name[name].layer)) > 1
        gate = "its peers see it Ready" if peers else "it is Ready"
        sentence = f"Bring up {name} and wait until {gate}"
    else:
        sentence = f"Bring up {', '.join(ordered)}, and wait until all see one another Ready"
    return Step(f"bring up {' '.join(ordered)}", sentence, why, BringUp(ordered), tuple(after))


def _full(deployment: Deployment, observation: Observation, request: Request) -> Iterator[Step]:
    stops = list(stop_steps(deployment, observation, request.nodes))
    yield from stops
    why = "parents first, and of a layer the one with the highest chain"
    yield bring_up_step(deployment, request.nodes, why, [step.id for step in stops])


def _rolling(deployment: Deployment, observation: Observation, request: Request) -> Iterator[Step]:
    after: tuple[str, ...] = ()
    for layer in deployment.stop_order:
        mine = [observation[node.name] for node in layer if node.name in request.nodes]
        ready = {facts.name for facts in observation.ready(layer[0].layer)}
        # Whoever is not Ready is no loss: to bring it up first gives the others room.
        for facts in sorted(mine, key=lambda one: one.is_ready):
            why = "one after the other" if len(layer) > 1 else "it is the only node of its layer"
            if facts.process != "stopped":
                may_pause = len(ready - {facts.name}) < deployment.need(facts.layer)
                action = Stop(facts.name, facts.life, may_pause)
                step = Step(f"stop {facts.name}", f"Stop {facts.name}", why, action, after)
                yield step
                after = (step.id,)
            step = bring_up_step(deployment, [facts.name], "it comes back before anything else is done", after)
            yield step
            after = (step.id,)
            ready.add(facts.name)


def verify_step(deployment: Deployment, observation: Observation, names: Sequence[str], steps: Sequence[Step]) -> Step:
    """After everything else: the cluster is what it was."""
    action = Verify(tuple(names), tuple(_sessions(deployment, observation, steps)), tuple(_heads(observation)))
    sentence = "See that the cluster is what it was: its members, its sessions, its history, its followers"
    ends = {step.id for step in steps} - {before for step in steps for before in step.after}
    return Step("verify", sentence, "a restart changes nothing else", action, tuple(sorted(ends)))


def _sessions(deployment: Deployment, observation: Observation, steps: Sequence[Step]) -> Iterator[tuple[Layer, str]]:
    """The cluster sessions that live on: of each layer that keeps a Ready node through every step."""
    for layer in deployment.engine.layers:
        first = [facts for facts in observation.ready(layer) if facts.info]
        ready = {facts.name for facts in first}
        survives = bool(ready)
        for step in steps:
            match step.action:
                case Stop(node):
                    ready.discard(node)
                case BringUp(nodes):
                    ready |= {name for name in nodes if deployment.by_name[name].layer == layer}
            survives = survives and bool(ready)
        sessions = {facts.info.cluster_session for facts in first if facts.info}
        if survives and len(sessions) == 1 and (session := sessions.pop()) is not None:
            yield layer, session


def _heads(observation: Observation) -> Iterator[Head]:
    """Of each Ready node that keeps a chain, where it ends."""
    for facts in (*observation.ready("gl0"), *observation.ready("ml0")):
        if facts.own and facts.own.ordinal is not None and facts.own.hash is not None:
            yield Head(facts.name, facts.own.ordinal, facts.own.hash)


def unasked_pauses(deployment: Deployment, observation: Observation, request: Request) -> list[str]:
    """Where a rolling restart, a leave or a reset takes a layer of several nodes below its floor: sentences. A single
    node, ``stop``, ``down`` and ``--full`` imply their pause."""
    found: list[str] = []
    if request.accept_pause or not (request.how == "rolling" or request.verb in ("leave", "reset")):
        return found
    for layer in deployment.stop_order:
        nodes = [node.name for node in layer if node.name in request.nodes]
        if len(layer) < 2 or not nodes:
            continue
        ready = {facts.name for facts in observation.ready(layer[0].layer)}
        for facts in sorted((observation[name] for name in nodes), key=lambda one: one.is_ready):
            if facts.is_ready and len(ready - {facts.name}) < deployment.need(facts.layer):
                quorum = quorum_without(deployment, observation, facts.layer, [facts.name])
                found.append(f"to stop {facts.name}: {quorum.sentence}")
                break
            if request.verb != "leave":
                ready.add(facts.name)
    return found
