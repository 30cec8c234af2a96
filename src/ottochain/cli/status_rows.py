"""The table of nodes, as ``status`` prints it and ``up`` draws it. An unknown value is a dash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ottochain.ops.facts.observation import NodeFacts, Observation
    from ottochain.ops.inventory.deployment import Deployment

HEADER = ("layer", "node", "state", "ordinal", "members", "port", "pid", "version")
NUMBERS = (3, 4, 5, 6)
UNKNOWN = "-"


def rows(deployment: Deployment, observation: Observation) -> Iterator[tuple[tuple[str, ...], str]]:
    """For each node its row, and the word that decides its colour."""
    for node in deployment.nodes:
        facts = observation[node.name]
        state = describe_state(facts)
        members = UNKNOWN if facts.members is None else str(len(facts.members))
        version = facts.info.version if facts.info and facts.answers else UNKNOWN
        yield (
            (
                node.layer,
                node.name,
                state,
                _number(facts.ordinal),
                members,
                str(node.ports.public),
                _number(facts.pid),
                version,
            ),
            state,
        )


def describe_state(facts: NodeFacts) -> str:
    """One or two words: the node's own state where it answers, else what is known of its process."""
    if facts.is_stranger:
        return "a stranger answers"
    if facts.state:
        return facts.state
    if facts.process == "running":
        return "no answer yet"
    return facts.process


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else str(value)
