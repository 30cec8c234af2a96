"""Is this deployment's chain still to be founded, being founded, or founded? A pure judgement, and its refusals.

The rule: a chain that was ever founded, by the record or by any node's data, is never founded again, whatever is
missing; what is missing is said instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from ottochain.ops.chain_record import ChainRecord, begin
from ottochain.ops.errors import Refused
from ottochain.ops.facts.observation import NodeFacts, Observation
from ottochain.ops.inventory.deployment import Deployment


@dataclass(frozen=True, slots=True)
class Chain:
    """The judgement. ``to_write`` is the record that must be written before anything is started, if any."""

    record: ChainRecord
    to_write: ChainRecord | None = None


def judge(deployment: Deployment, record: ChainRecord | None, observation: Observation, now: str) -> Chain:
    """What the chain is. Raises ``Refused`` when something of it is missing or unreadable, or there are two."""
    _refuse_unreadable(deployment, observation)
    traces = [facts for facts in observation.nodes.values() if shows_chain(facts)]
    if record is None:
        return _learn(deployment, traces, observation, now)
    _refuse_two_chains(record, observation)
    if record.phase == "founded":
        _refuse_missing(deployment, observation, f"the chain {record.token} was founded {record.since}")
    elif _without_chain(observation, "gl0") and (lower := [facts for facts in traces if facts.layer != "gl0"]):
        names = ", ".join(facts.name for facts in lower)
        _refuse_missing(deployment, observation, f"the founding had got as far as {names}", only="gl0")
    return Chain(record)


def shows_chain(facts: NodeFacts) -> bool:
    """Whether the node shows that there is a chain: it runs and has an ordinal or a session, or its data has a tip."""
    if facts.answers:
        return facts.ordinal is not None or facts.is_ready
    return facts.tip is not None and (facts.tip.has_chain or facts.tip.metagraph_id is not None)


def token_of(facts: NodeFacts) -> str | None:
    """The metagraph's id as the node, or its data, says it."""
    if facts.tip:
        return facts.tip.metagraph_id
    found = facts.own.all.get("metagraphId") if facts.own else None
    return found if isinstance(found, str) else None


def _learn(deployment: Deployment, traces: list[NodeFacts], observation: Observation, now: str) -> Chain:
    """There is no record: either nothing was ever founded, or the record was lost and is learnt from the data."""
    if not traces:
        record = begin(now)
        return Chain(record, to_write=record)
    names = ", ".join(facts.name for facts in traces)
    _refuse_missing(deployment, observation, f"the chain record is lost, and {names} shows that there is a chain")
    witness = next((facts for facts in traces if facts.layer != "gl0" and token_of(facts)), None)
    if witness is None:
        raise Refused(
            f"the chain record {deployment.places.chain_record} is lost, and no node's data says the chain's token.",
            next_step="restore the record from a backup.",
        )
    record = ChainRecord("founded", token_of(witness), now, derived_from=witness.name)
    _refuse_two_chains(record, observation)
    return Chain(record, to_write=record)


def _without_chain(observation: Observation, layer: str) -> list[NodeFacts]:
    return [facts for facts in observation.nodes.values() if facts.layer == layer and not shows_chain(facts)]


def _refuse_missing(deployment: Deployment, observation: Observation, known: str, only: str | None = None) -> None:
    """A layer that keeps the chain needs at least one node that has it."""
    missing = []
    for layer, rules in deployment.engine.layers.items():
        nodes = observation.layer(layer)
        # A node that runs is asked by itself; only data that is not there can be missing.
        if (
            rules.keeps_chain
            and only in (None, layer)
            and not any(shows_chain(n) or n.process != "stopped" for n in nodes)
        ):
            missing += [deployment.by_name[facts.name] for facts in nodes]
    if missing:
        listed = "\n".join(f"  {node.name}: no chain in {node.data_dir}" for node in missing)
        raise Refused(
            f"{known}, but the data of {' and '.join(node.name for node in missing)} is missing:\n{listed}\n"
            "A founded chain is never founded again. Nothing was started or changed.",
            next_step="put the data back (from a backup, or from where it was moved to), then repeat the command.",
        )


def _refuse_unreadable(deployment: Deployment, observation: Observation) -> None:
    bad = [facts for facts in observation.nodes.values() if facts.tip and facts.tip.unreadable]
    if bad:
        listed = "\n".join(
            f"  {facts.name}: {deployment.by_name[facts.name].data_dir}: {facts.tip.unreadable}"
            for facts in bad
            if facts.tip
        )
        raise Refused(
            f"the data of {', '.join(facts.name for facts in bad)} can't be read:\n{listed}\nNothing was changed.",
            next_step="restore that data from a backup; keep the unreadable files.",
        )


def _refuse_two_chains(record: ChainRecord, observation: Observation) -> None:
    for facts in observation.nodes.values():
        token = token_of(facts)
        if record.token and token and token != record.token:
            raise Refused(
                f"{facts.name} belongs to the chain {token}, and this deployment's chain is {record.token}.",
                next_step=f"find out how data of another chain came to {facts.name}; nothing was started or changed.",
            )
