"""The peers a node knows: who, where, in which session, in which state, and whether they answer.

An entry comes from a two-way handshake only. It is replaced by a registration of the same node with a strictly newer
session, that is, after that node's restart. Source: Tessellation, ``ClusterStorage.scala``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from ottochain.model.node_state import ABSENT, NodeState

log = logging.getLogger(__name__)

PEERS_MAX: Final = 1_000
"""More than any cluster of ours. Nobody new is let in beyond it, and a longer answer to a discovery is cut."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a peer is said to listen; what a join call or a discovery gives."""

    id: str
    ip: str
    p2p_port: int

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "ip": self.ip, "p2pPort": self.p2p_port}


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer that passed the handshake. Sessions are milliseconds since the epoch."""

    id: str
    ip: str
    public_port: int
    p2p_port: int
    cluster_session: int
    session: int
    state: NodeState
    responsive: bool
    jar: str

    @property
    def contact(self) -> Contact:
        return Contact(self.id, self.ip, self.p2p_port)

    def to_json(self) -> dict[str, Any]:
        """As in ``/cluster/peers``: the sessions are numbers."""
        return {
            "id": self.id,
            "ip": self.ip,
            "publicPort": self.public_port,
            "p2pPort": self.p2p_port,
            "clusterSession": self.cluster_session,
            "session": self.session,
            "state": self.state,
            "responsiveness": "Responsive" if self.responsive else "Unresponsive",
            "jar": self.jar,
        }

    def info_json(self) -> dict[str, Any]:
        """As in ``/cluster/info``: the sessions are strings, and only responsive peers are shown."""
        return {
            "id": self.id,
            "ip": self.ip,
            "publicPort": self.public_port,
            "p2pPort": self.p2p_port,
            "clusterSession": str(self.cluster_session),
            "session": str(self.session),
            "state": self.state,
            "jar": self.jar,
        }

    def registered_alike(self, other: Peer) -> bool:
        """Do both say the same of where and in which life the node is?"""
        mine = (self.id, self.ip, self.public_port, self.p2p_port, self.cluster_session, self.session)
        return mine == (other.id, other.ip, other.public_port, other.p2p_port, other.cluster_session, other.session)


Subscriber = Callable[[Peer | None, Peer | None], None]


class Membership:
    """The table of peers, without the node itself. Subscribers are called with the entry before and after a change."""

    def __init__(self) -> None:
        self._peers: dict[str, Peer] = {}
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """``subscriber(before, after)``; before is None for a new peer, after is None for a removed one."""
        self._subscribers.append(subscriber)

    def get(self, peer_id: str) -> Peer | None:
        return self._peers.get(peer_id)

    def all(self) -> list[Peer]:
        return list(self._peers.values())

    def responsive(self) -> list[Peer]:
        return [peer for peer in self._peers.values() if peer.responsive]

    def ready(self) -> list[Peer]:
        """Responsive peers in state Ready."""
        return [peer for peer in self.responsive() if peer.state is NodeState.READY]

    def add(self, peer: Peer) -> bool:
        """Enters a peer; False when an entry stands in the way: newer, or of the same session and different."""
        known = self._peers.get(peer.id)
        if known is not None and known.session >= peer.session and not known.registered_alike(peer):
            return False
        if known is None or known.session < peer.session:
            log.info("peer %s joined: %s:%d, session %d", peer.id[:8], peer.ip, peer.p2p_port, peer.session)
        self._put(known, peer)
        return True

    def remove(self, peer_id: str, reason: str) -> None:
        known = self._peers.pop(peer_id, None)
        if known is not None:
            log.info("peer %s removed: %s", peer_id[:8], reason)
            self._tell(known, None)

    def set_state(self, peer_id: str, state: NodeState) -> None:
        """A peer told its state; one that went Offline is removed at once."""
        known = self._peers.get(peer_id)
        if known is None:
            return
        if state in ABSENT:
            self.remove(peer_id, "it is Offline")
        elif known.state is not state:
            log.info("peer %s is %s", peer_id[:8], state)
            self._put(known, replace(known, state=state))

    def set_responsive(self, peer_id: str, responsive: bool) -> None:
        known = self._peers.get(peer_id)
        if known is not None and known.responsive is not responsive:
            log.info("peer %s is %s", peer_id[:8], "responsive again" if responsive else "unresponsive")
            self._put(known, replace(known, responsive=responsive))

    def _put(self, before: Peer | None, after: Peer) -> None:
        self._peers[after.id] = after
        if before != after:
            self._tell(before, after)

    def _tell(self, before: Peer | None, after: Peer | None) -> None:
        for subscriber in tuple(self._subscribers):
            subscriber(before, after)
