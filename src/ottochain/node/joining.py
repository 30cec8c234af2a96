"""Joining a cluster: from the operator's call to knowing every member.

The call answers at once; the handshakes run behind it. A target that can't be reached or refuses leaves the node in
``SessionStarted`` for good, as in the reference: only a restart helps, and the log says why.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from ottochain.codec.errors import JsonError
from ottochain.model.node_state import NodeState
from ottochain.node.handshake import Handshake, in_words
from ottochain.node.lifecycle import Lifecycle
from ottochain.node.membership import PEERS_MAX, Contact, Membership, Peer
from ottochain.node.peer_client import PeerClient, PeerError, PeerRefused
from ottochain.node.registration import HandshakeError, MalformedRegistration, decode_contact
from ottochain.node.supervisor import Supervisor

log = logging.getLogger(__name__)

ACQUAINTANCE_SECONDS: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Pauses between tries to greet a peer that joined at the same time and may not be in its cluster yet."""


class Joining:
    """Works through handshakes; ``on_joined`` is awaited once, after the node entered ``state_after_joining``."""

    def __init__(
        self,
        *,
        own_id: str,
        lifecycle: Lifecycle,
        membership: Membership,
        peers: PeerClient,
        handshake: Handshake,
        supervisor: Supervisor,
        state_after_joining: NodeState,
        tell_state: Callable[[Peer], None],
        on_joined: Callable[[], Awaitable[None]],
    ) -> None:
        self._own_id = own_id
        self._lifecycle = lifecycle
        self._membership = membership
        self._peers = peers
        self._handshake = handshake
        self._supervisor = supervisor
        self._state_after_joining = state_after_joining
        self._tell_state = tell_state
        self._on_joined = on_joined
        self._greeting: set[str] = set()

    async def join(self, target: Contact) -> None:
        """The whole of a join, once the session stands."""
        await self._meet_all([target])
        if not self._membership.responsive():
            log.warning("joined nobody: the node stays SessionStarted until it is restarted")
            return
        self._lifecycle.move(NodeState.SESSION_STARTED, self._state_after_joining)
        await self._on_joined()

    def introduce(self, contacts: Iterable[Contact]) -> None:
        """A member told of others: greet those that are not known."""
        for contact in contacts:
            if self._is_stranger(contact) and contact.id not in self._greeting:
                self._greeting.add(contact.id)
                self._supervisor.background(f"greet {contact.id[:8]}", self._greet(contact))

    async def renew(self, peer: Peer) -> bool:
        """A member that no longer knows this node: shake hands again."""
        return await self._shake(peer.contact) is not None

    async def _meet_all(self, contacts: list[Contact]) -> None:
        """In waves: shake hands, ask each for further peers, go on with those; each is tried once."""
        tried: set[str] = set()
        wave = contacts
        while wave:
            tried.update(contact.id for contact in wave)
            found = await asyncio.gather(*(self._meet(contact) for contact in wave))
            following = {contact.id: contact for contacts in found for contact in contacts}
            wave = [c for c in following.values() if c.id not in tried and self._is_stranger(c)]

    async def _meet(self, contact: Contact) -> list[Contact]:
        peer = await self._shake(contact)
        return [] if peer is None else await self._discover(peer)

    async def _shake(self, contact: Contact) -> Peer | None:
        try:
            peer = await self._handshake.join(contact)
            await self._exchange_states(peer)
            return peer
        except (HandshakeError, PeerError) as error:
            not_in_yet = isinstance(error, PeerRefused) and error.status == 409
            log.log(
                logging.INFO if not_in_yet else logging.WARNING,
                "the handshake with %s at %s:%d failed: %s",
                contact.id[:8],
                contact.ip,
                contact.p2p_port,
                in_words(error),
            )
            return None

    async def _discover(self, peer: Peer) -> list[Contact]:
        try:
            answer = await self._peers.get(peer, "/cluster/discovery")
            return decode_contacts(answer.json())
        except (PeerError, MalformedRegistration, JsonError) as error:
            log.warning("peer discovery from %s failed: %s", peer.id[:8], error)
            return []

    async def _exchange_states(self, peer: Peer) -> None:
        """Either may have moved on since the registrations were written."""
        self._tell_state(peer)
        answer = await self._peers.get(peer, "/node/state")
        try:
            self._membership.set_state(peer.id, NodeState(answer.json()))
        except ValueError as error:
            log.warning("peer %s answered no node state: %s", peer.id[:8], error)

    async def _greet(self, contact: Contact) -> None:
        """Two that join at once see each other late: whoever gets in first lets the other in."""
        try:
            for pause in ACQUAINTANCE_SECONDS:
                if not self._is_stranger(contact) or await self._shake(contact) is not None:
                    return
                await asyncio.sleep(pause)
        finally:
            self._greeting.discard(contact.id)

    def _is_stranger(self, contact: Contact) -> bool:
        return contact.id != self._own_id and self._membership.get(contact.id) is None


def decode_contacts(body: object) -> list[Contact]:
    """The contacts in an array of peers. Raises ``MalformedRegistration``."""
    if not isinstance(body, list):
        raise MalformedRegistration("DecodingFailure at : expected an array of peers")
    return [decode_contact(item) for item in body[:PEERS_MAX]]
