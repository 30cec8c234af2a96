"""What each node of a layer must do so that the layer is one cluster of Ready nodes: one pure decision table.

The run mode is decided anew at every start, from the layer, the data present and the live peers:

    some node is Ready            every other becomes a validator and joins; nobody founds a second cluster
    none is Ready, L0, one runs   it is stopped, so that its data can be read; then this table is asked again
    none is Ready, chain in data  the node with the highest chain rolls back to it and founds; the others join
    none is Ready, L1             one node founds as initial validator; the others join
    none is Ready, founding       the first node runs the genesis

Only some nodes may be meant: the others are counted as what they are, and nothing is decided for them. Where one of
them would have to open the cluster, that is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from ottochain.ops.engine import (
    RUN_GENESIS,
    RUN_INITIAL_VALIDATOR,
    RUN_ROLLBACK,
    RUN_VALIDATOR,
    LayerRules,
)
from ottochain.ops.errors import Refused
from ottochain.ops.facts.observation import NodeFacts

JOINABLE = "ReadyToJoin"


@dataclass(frozen=True, slots=True)
class Decision:
    """What one node does, and why.

    ``keep`` nothing; ``join`` call join; ``start`` start its process in ``mode``; ``restart`` stop it first; ``stop``
    stop it and decide again. A validator that is started joins afterwards.
    """

    do: Literal["keep", "join", "start", "restart", "stop"]
    why: str
    mode: str | None = None
    argument: str | None = None

    @property
    def founds(self) -> bool:
        return self.mode is not None and self.mode != RUN_VALIDATOR

    @property
    def joins(self) -> bool:
        return self.do == "join" or self.mode == RUN_VALIDATOR


def decide(
    rules: LayerRules, nodes: Sequence[NodeFacts], founding: bool, among: Collection[str] | None = None
) -> dict[str, Decision]:
    """The decision for each node of one layer (of those named in ``among``), by name, in the nodes' order.

    ``founding``: the layer's chain does not exist yet and may be founded. Nodes must be at rest: what is under way
    (starting, joining, downloading) is waited for before. Raises ``Refused`` when a node that is not in ``among``
    would have to come first.
    """
    meant = [node for node in nodes if among is None or node.name in among]
    ready = [node for node in nodes if node.is_ready]
    if ready:
        session = _main_session(ready)
        return {node.name: _beside_ready(node, session, ready) for node in meant}
    running = [node for node in nodes if node.process != "stopped"]
    if rules.keeps_chain and running:
        _refuse_others(running, meant, "runs without being Ready, so that nobody can tell where its chain ends")
        return {
            node.name: Decision("stop", f"it {_stuck(node)}, and no node of its layer is Ready") for node in running
        }
    founder, mode, argument, why = _founder(rules, nodes if rules.keeps_chain else meant, founding)
    _refuse_others([founder], meant, "has the highest chain of its layer, of which no node is Ready")
    decisions = {}
    for node in meant:
        if node is founder:
            decisions[node.name] = Decision("start" if node.process == "stopped" else "restart", why, mode, argument)
        else:
            decisions[node.name] = _as_validator(node, f"{founder.name} opens the cluster")
    return decisions


def _refuse_others(nodes: Sequence[NodeFacts], meant: Sequence[NodeFacts], because: str) -> None:
    others = [node for node in nodes if node not in meant]
    if others:
        raise Refused(
            f"{others[0].name} {because}, and it is not among the nodes to be started "
            f"({', '.join(node.name for node in meant)}): without it the layer could go on below its confirmed head.",
            next_step=f"start it too: ottochain start {others[0].layer}, or ottochain up.",
        )


def _main_session(ready: Sequence[NodeFacts]) -> str | None:
    """The cluster session most Ready nodes are in; of two as large, that of the lower index."""
    counts = Counter(node.info.cluster_session for node in ready if node.info)
    return max(counts, key=lambda session: counts[session]) if counts else None


def _beside_ready(node: NodeFacts, session: str | None, ready: Sequence[NodeFacts]) -> Decision:
    hosts = [other.name for other in ready if other.info and other.info.cluster_session == session]
    if node.name in hosts:
        return Decision("keep", "it is Ready")
    if node.is_ready:
        return Decision("restart", f"it is Ready in a cluster of its own, apart from {hosts[0]}", RUN_VALIDATOR)
    return _as_validator(node, f"{hosts[0]} is Ready")


def _as_validator(node: NodeFacts, why: str) -> Decision:
    if node.state == JOINABLE:
        return Decision("join", f"it waits to be joined, and {why}")
    if node.process == "stopped":
        return Decision("start", f"it is stopped, and {why}", RUN_VALIDATOR)
    return Decision("restart", f"it {_stuck(node)}, and {why}", RUN_VALIDATOR)


def _stuck(node: NodeFacts) -> str:
    return f"stays in {node.state}" if node.state else f"does not answer ({node.silent_because or 'unknown'})"


def _founder(rules: LayerRules, nodes: Sequence[NodeFacts], founding: bool) -> tuple[NodeFacts, str, str | None, str]:
    """Who opens the layer's cluster, in which mode, with which argument, and why."""
    if not rules.keeps_chain:
        founder = next((node for node in nodes if node.process == "stopped"), nodes[0])
        return founder, RUN_INITIAL_VALIDATOR, None, "no node of its layer is Ready"
    with_chain = [node for node in nodes if node.tip and node.tip.has_chain]
    if with_chain:
        founder = max(with_chain, key=lambda node: (node.tip.ordinal or 0) if node.tip else 0)
        assert founder.tip
        argument = founder.tip.hash if rules.rollback_takes_hash else None
        return founder, RUN_ROLLBACK, argument, f"its chain ends at ordinal {founder.tip.ordinal}"
    if not founding:
        raise ValueError(f"{nodes[0].layer} has no chain and may not be founded: the chain must be judged first")
    return nodes[0], RUN_GENESIS, None, "the chain is being founded"
