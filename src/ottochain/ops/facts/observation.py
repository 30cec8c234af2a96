"""An observation: frozen nouns, and the questions one asks of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ottochain.client.readings import Member, NodeInfo, OwnFacts
from ottochain.ops.engine import Layer
from ottochain.ops.inventory.deployment import Deployment

READY = "Ready"


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a stopped node's data ends. ``ordinal`` is None when the data holds no chain."""

    ordinal: int | None
    hash: str | None
    metagraph_id: str | None
    unreadable: str = ""
    """Why the data could not be read; then the rest says nothing."""

    @property
    def has_chain(self) -> bool:
        return self.ordinal is not None


NO_DATA = Tip(None, None, None)
"""The tip of a node that has no data at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """What was seen of one node."""

    name: str
    layer: Layer
    peer_id: str | None
    process: Literal["running", "stopped", "unknown"]
    pid: int | None = None
    life: str | None = None
    """What tells this run of its process from any other; None when it does not run, or can't be seen."""
    info: NodeInfo | None = None
    silent_because: str = ""
    """Why there is no ``info``."""
    members: tuple[Member, ...] | None = None
    own: OwnFacts | None = None
    ordinal: int | None = None
    confirmed: Mapping[str, int] | None = None
    """Of a GL0 node: the highest ordinal of each metagraph in its latest snapshot."""
    tip: Tip | None = None
    """Looked up for stopped nodes only, and only where it decides something."""

    @property
    def answers(self) -> bool:
        return self.info is not None and not self.is_stranger

    @property
    def is_stranger(self) -> bool:
        """Something answers on the node's port, and it is not the node."""
        return self.info is not None and self.info.id != self.peer_id

    @property
    def state(self) -> str | None:
        """The node's state as it says it; None when unknown."""
        return self.info.state if self.info and self.answers else None

    @property
    def is_ready(self) -> bool:
        return self.state == READY

    @property
    def ready_members(self) -> int | None:
        """How many Ready members this node sees, itself among them."""
        return None if self.members is None else sum(member.state == READY for member in self.members)

    def sees(self, peer_id: str | None) -> bool:
        """Is this peer among its members, in whatever state?"""
        return any(member.id == peer_id for member in self.members or ())

    def sees_ready(self, peer_id: str | None) -> bool:
        return any(member.id == peer_id and member.state == READY for member in self.members or ())

    def sees_life(self, other: NodeFacts) -> bool:
        """Does it see the other Ready, and in the session that the other is in now? Of a node that died and came back
        peers may keep the former entry for a while."""
        session = other.info.session if other.info else None
        return any(
            member.id == other.peer_id and member.state == READY and session in (None, member.session)
            for member in self.members or ()
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """Every node of a deployment at one time (``at``: seconds of the clock the deadlines run on)."""

    nodes: Mapping[str, NodeFacts]
    at: float = field(default=0.0, compare=False)

    def __getitem__(self, name: str) -> NodeFacts:
        return self.nodes[name]

    def layer(self, layer: Layer) -> tuple[NodeFacts, ...]:
        """The layer's nodes, by index."""
        return tuple(facts for facts in self.nodes.values() if facts.layer == layer)

    def ready(self, layer: Layer) -> tuple[NodeFacts, ...]:
        return tuple(facts for facts in self.layer(layer) if facts.is_ready)


def cluster_is_whole(observation: Observation, layer: Layer, names: Collection[str] | None = None) -> bool:
    """The named nodes of the layer (None: all) are Ready, and all its Ready nodes are in one cluster session and seen
    Ready by one another."""
    nodes = observation.layer(layer)
    if not all(node.is_ready for node in nodes if names is None or node.name in names):
        return False
    ready = observation.ready(layer)
    sessions = {node.info.cluster_session for node in ready if node.info}
    return len(sessions) <= 1 and all(node.sees_life(other) for node in ready for other in ready)


def confirmed_in_gl0(observation: Observation, token: str | None) -> int | None:
    """The metagraph's highest ordinal that a GL0 node holds; None when none holds it, or nobody could be asked."""
    found = [facts.confirmed.get(token or "") for facts in observation.layer("gl0") if facts.confirmed is not None]
    return max((ordinal for ordinal in found if ordinal is not None), default=None)


def everything_is_up(deployment: Deployment, observation: Observation, names: Collection[str] | None = None) -> bool:
    """The named nodes (None: all) Ready, and every layer with one of them one cluster."""
    layers = {facts.layer for facts in observation.nodes.values() if names is None or facts.name in names}
    return all(cluster_is_whole(observation, layer, names) for layer in layers)
