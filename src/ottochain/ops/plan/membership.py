"""The procedures that take nodes out of their cluster: ``node leave``, and ``node reset`` for one that won't rejoin or
whose state has diverged. Pure. (``node join`` is bringing up.)

A reset never deletes, and never retires the only copy of anything: what waits in the node's pool goes to a Ready peer
first, and the data folder goes to the quarantine. A whole L1 layer is reset one node after the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from ottochain.ops.engine import L1_LAYERS
from ottochain.ops.facts.observation import Observation
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.request import Request
from ottochain.ops.plan.restart import bring_up_step, verify_step
from ottochain.ops.plan.steps import HandOver, Leave, Plan, Quarantine, Step, Stop


def plan_leave(deployment: Deployment, observation: Observation, request: Request) -> Plan:
    """Leave, stop, hand over what waits: empty when the node is stopped."""
    (name,) = request.nodes
    facts = observation[name]
    steps: list[Step] = []
    if facts.process != "stopped":
        if facts.is_ready and len(observation.ready(facts.layer)) > 1:
            sentence = f"Let {name} leave its cluster and wait until its peers have heard"
            steps.append(Step(f"leave {name}", sentence, "who leaves is not waited for", Leave(name, facts.life)))
        steps.append(_stop(observation, name, steps))
        if facts.layer in L1_LAYERS:
            steps.append(_hand_over(name, "", steps))
    return Plan(tuple(steps))


def plan_reset(deployment: Deployment, observation: Observation, request: Request) -> Plan:
    """One node after the other: leave, stop, hand over, move the data away, come back with none."""
    steps: list[Step] = []
    ready = {facts.name for facts in observation.nodes.values() if facts.is_ready}
    for name in sorted(request.nodes, key=lambda one: (one in ready, -deployment.by_name[one].index)):
        facts, place = observation[name], f"{request.stamp}-{name}"
        if facts.is_ready:
            sentence = f"Let {name} leave its cluster and wait until its peers have heard"
            left = Leave(name, facts.life)
            steps.append(Step(f"leave {name}", sentence, "who leaves is not waited for", left, _last(steps)))
        if facts.process != "stopped":
            steps.append(_stop(observation, name, steps))
        steps.append(_hand_over(name, place, steps))
        sentence = f"Move the data of {name} to the quarantine, as {place}"
        moved = Quarantine(name, place, facts.ordinal)
        steps.append(Step(f"quarantine {name}", sentence, "it comes back without it", moved, _last(steps)))
        steps.append(bring_up_step(deployment, [name], "it gets from ML0 what it needs", _last(steps)))
    steps.append(verify_step(deployment, observation, request.nodes, steps))
    return Plan(tuple(steps))


def reset_faults(deployment: Deployment, observation: Observation, request: Request) -> Iterator[str]:
    """Why a reset may not begin: nobody else would hold what the node holds."""
    for name in request.nodes:
        facts = observation[name]
        if facts.layer not in L1_LAYERS:
            yield (
                f"{name} keeps a chain and votes: its data, and its votes, are never moved by a reset. Where its data "
                f"is damaged, restore it from a backup"
            )
            continue
        others = [other for other in observation.ready(facts.layer) if other.name != name]
        if not others:
            yield (
                f"no other node of {facts.layer} is Ready: nobody could take over what waits in the pool of {name} "
                f"(ottochain start {facts.layer} first)"
            )
        elif facts.ordinal is not None and max(other.ordinal or -1 for other in others) < facts.ordinal:
            held = ", ".join(f"{other.name} {other.ordinal}" for other in others)
            yield f"{name} has ordinal {facts.ordinal}, and no other Ready node as much ({held}): wait until one has"
    if request.nodes and not observation.ready("ml0"):
        yield "ml0 is not Ready: a node that begins anew could get nothing from it (ottochain start ml0 first)"


def _stop(observation: Observation, name: str, before: list[Step]) -> Step:
    action = Stop(name, observation[name].life)
    return Step(f"stop {name}", f"Stop {name}", "its data is to be read and moved", action, _last(before))


def _hand_over(name: str, place: str, before: list[Step]) -> Step:
    sentence = f"Hand what waits in the pool of {name} to a Ready peer"
    why = "what was acknowledged must be decided"
    return Step(f"hand over {name}", sentence, why, HandOver(name, place), _last(before))


def _last(steps: list[Step]) -> tuple[str, ...]:
    return (steps[-1].id,) if steps else ()
