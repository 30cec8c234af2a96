"""Tells peers what changed, by pushing it to each: the reference gossips it.

Two messages, both on the p2p listener and authenticated like everything there: ``POST /ottochain/state`` with the
sender's state, and ``POST /ottochain/peers`` with contacts the receiver may not know yet.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import orjson

from ottochain.model.node_state import BROADCAST, NodeState
from ottochain.node.lifecycle import Lifecycle
from ottochain.node.membership import Membership, Peer
from ottochain.node.peer_client import PeerClient, PeerError
from ottochain.node.supervisor import Supervisor

log = logging.getLogger(__name__)

PUSH_SECONDS: Final = 2.0
LAST_WORDS_SECONDS: Final = 0.3
"""How long a stopping node waits for its peers to hear that it goes."""


class Announcer:
    """Pushes the latest state to every responsive peer, and to one that is responsive again."""

    def __init__(self, lifecycle: Lifecycle, membership: Membership, peers: PeerClient, supervisor: Supervisor) -> None:
        self._membership = membership
        self._peers = peers
        self._supervisor = supervisor
        self._state: NodeState | None = None
        self._telling: set[str] = set()
        lifecycle.subscribe(self._state_changed)
        membership.subscribe(self._peer_changed)

    def tell_state(self, peer: Peer) -> None:
        """Pushes the state that was announced last, if any was; at most one push per peer is under way."""
        if self._state is not None and peer.id not in self._telling:
            self._telling.add(peer.id)
            self._supervisor.background(f"announce to {peer.id[:8]}", self._push_state(peer))

    def introduce(self, newcomer: Peer) -> None:
        """Tells every other member of one that was just let in."""
        body = orjson.dumps([newcomer.contact.to_json()])
        for peer in self._membership.responsive():
            if peer.id != newcomer.id:
                self._supervisor.background(f"introduce to {peer.id[:8]}", self._push(peer, "/ottochain/peers", body))

    async def last_words(self) -> None:
        """The node stops: its peers hear that it is offline, if they answer quickly."""
        body = orjson.dumps({"state": NodeState.OFFLINE})
        pushes = [
            asyncio.ensure_future(self._push(peer, "/ottochain/state", body)) for peer in self._membership.responsive()
        ]
        if pushes:
            _, late = await asyncio.wait(pushes, timeout=LAST_WORDS_SECONDS)
            for push in late:
                push.cancel()

    def _state_changed(self, _before: NodeState, after: NodeState) -> None:
        if after in BROADCAST:
            self._state = after
            for peer in self._membership.responsive():
                self.tell_state(peer)

    def _peer_changed(self, before: Peer | None, after: Peer | None) -> None:
        if before is not None and after is not None and after.responsive and not before.responsive:
            self.tell_state(after)

    async def _push_state(self, peer: Peer) -> None:
        """Again while the state moves on, so that the peer ends with the latest."""
        try:
            told = None
            while told is not self._state:
                told = self._state
                await self._push(peer, "/ottochain/state", orjson.dumps({"state": told}))
        finally:
            self._telling.discard(peer.id)

    async def _push(self, peer: Peer, path: str, body: bytes) -> None:
        try:
            await self._peers.post(peer, path, body, timeout_seconds=PUSH_SECONDS)
        except PeerError as error:
            log.debug("%s did not hear %s: %s", peer.id[:8], path, error)
