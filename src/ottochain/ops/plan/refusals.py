"""Why a procedure may not begin: everything that is wrong, at once, before anything is touched. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ottochain.ops.chain_record import ChainRecord
from ottochain.ops.facts.observation import Observation
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.plan.membership import reset_faults
from ottochain.ops.plan.request import Request
from ottochain.ops.plan.restart import unasked_pauses

STARTING = ("start", "restart", "join", "leave", "reset")


def refusals(
    deployment: Deployment, observation: Observation, request: Request, record: ChainRecord | None
) -> list[str]:
    """What stands in the way, each with its fix."""
    found = list(_unseen(deployment, observation, request))
    if request.verb in STARTING and (record is None or record.phase != "founded"):
        found.append("the chain is not founded yet: ottochain up does that")
    if request.verb == "restart":
        found += _founders(deployment, observation, request)
    if request.verb == "reset":
        found += reset_faults(deployment, observation, request)
    found += [f"{one} (--accept-pause agrees to that)" for one in unasked_pauses(deployment, observation, request)]
    return found


def _unseen(deployment: Deployment, observation: Observation, request: Request) -> Iterator[str]:
    """What can't be seen, or is not ours, is not acted on."""
    for name in request.nodes:
        facts, node = observation[name], deployment.by_name[name]
        if facts.process == "unknown":
            yield f"whether {name} runs can't be seen ({node.data_dir / 'node.lock'}): make that file readable"
        elif facts.is_stranger:
            yield f"port {node.ports.public} of {name} is answered by another node: end it, or shift the ports"
        elif facts.answers and facts.process == "stopped":
            yield f"{name} answers without holding its data folder {node.data_dir}: end that process (kill PID)"


def _founders(deployment: Deployment, observation: Observation, request: Request) -> Iterator[str]:
    """A layer that keeps a chain and would be without any Ready node is opened again by whoever has the highest
    chain: all of its nodes must be among those that are restarted, so that it is known who that is."""
    for layer, rules in deployment.engine.layers.items():
        nodes = observation.layer(layer)
        mine = {facts.name for facts in nodes if facts.name in request.nodes}
        others = [facts for facts in nodes if facts.name not in mine]
        if not rules.keeps_chain or not mine:
            continue
        if request.how == "rolling" and len(nodes) > 1 and not any(facts.is_ready for facts in nodes):
            yield f"no node of {layer} is Ready: a rolling restart needs one that the others join (--full)"
        if not others:
            continue
        if not any(facts.is_ready for facts in others):
            names = ", ".join(facts.name for facts in others)
            yield (
                f"{names} of {layer} is not Ready: with {', '.join(sorted(mine))} stopped nobody could tell who has "
                f"the highest chain (ottochain start {layer} first, or restart {layer} --full)"
            )
