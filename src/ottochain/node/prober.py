"""Finds out what became of a peer that did not answer.

The peer is unresponsive from the first failed request on. Then it is asked for its session with growing pauses: the
same session makes it responsive again, another one (or none: it restarted) removes it. Source: Tessellation,
``LocalHealthcheck.scala``; the pauses are shorter than the reference's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from ottochain.node.membership import Membership, Peer
from ottochain.node.peer_client import PeerClient, PeerError, PeerRefused, PeerSessionChanged
from ottochain.node.supervisor import Supervisor

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS: Final = 0.1
LAST_PAUSE_SECONDS: Final = 5.0
PROBE_TIMEOUT_SECONDS: Final = 2.0


class Prober:
    """At most one probe per peer; ``renew`` shakes hands again with a peer that forgot this node."""

    def __init__(
        self,
        membership: Membership,
        peers: PeerClient,
        supervisor: Supervisor,
        renew: Callable[[Peer], Awaitable[bool]],
    ) -> None:
        self._membership = membership
        self._peers = peers
        self._supervisor = supervisor
        self._renew = renew
        self._probing: set[str] = set()

    def suspect(self, peer: Peer, error: PeerError) -> None:
        """A request to ``peer`` failed."""
        known = self._membership.get(peer.id)
        if known is None or known.session != peer.session:
            return
        if isinstance(error, PeerSessionChanged):
            self._membership.remove(peer.id, str(error))
            return
        self._membership.set_responsive(peer.id, False)
        if peer.id not in self._probing:
            log.debug("peer %s: %s", peer.id[:8], error)
            self._probing.add(peer.id)
            self._supervisor.background(f"probe {peer.id[:8]}", self._probe(peer))

    async def _probe(self, peer: Peer) -> None:
        pause = FIRST_PAUSE_SECONDS
        try:
            while (known := self._membership.get(peer.id)) is not None and not known.responsive:
                if await self._settled(known):
                    return
                await asyncio.sleep(pause)
                pause = min(pause * 1.6, LAST_PAUSE_SECONDS)
        finally:
            self._probing.discard(peer.id)

    async def _settled(self, peer: Peer) -> bool:
        """One question; True when the peer's fate is known."""
        try:
            session = await self._peers.probe(peer, timeout_seconds=PROBE_TIMEOUT_SECONDS)
        except PeerSessionChanged as error:
            self._membership.remove(peer.id, str(error))
            return True
        except PeerRefused as error:
            return error.status == 401 and await self._renewed(peer)
        except PeerError:
            return False
        if session != peer.session:
            self._membership.remove(peer.id, f"it now has session {session}")
        else:
            self._membership.set_responsive(peer.id, True)
        return True

    async def _renewed(self, peer: Peer) -> bool:
        if await self._renew(peer):
            self._membership.set_responsive(peer.id, True)
            return True
        return False
