"""The two-way handshake by which two nodes come to know each other.

The joiner fetches the target's registration, checks it, has the target sign a random challenge, adopts its cluster
session and asks to be let in; the target does the same towards the joiner before it answers. Source: Tessellation,
``Joining.scala`` and ``SignClient.scala``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

import orjson

from ottochain.crypto.keys import PrivateKey
from ottochain.model.node_state import IN_CLUSTER
from ottochain.node.lifecycle import Lifecycle
from ottochain.node.membership import PEERS_MAX, Contact, Membership, Peer
from ottochain.node.peer_client import PeerClient, PeerRefused
from ottochain.node.registration import (
    Expectations,
    HandshakeError,
    Refused,
    Registration,
    answers_challenge,
    decode_registration,
    refuse_different,
    signed_challenge,
)
from ottochain.node.sessions import Sessions

JOIN_TIMEOUT_SECONDS: Final = 20.0
"""For the answer to a join request: the target makes three requests of its own before it."""


class Handshake:
    """One node's side of it, whether it asks or is asked."""

    def __init__(
        self,
        *,
        key: PrivateKey,
        lifecycle: Lifecycle,
        sessions: Sessions,
        membership: Membership,
        peers: PeerClient,
        registration: Callable[[], Registration],
        expectations: Callable[[], Expectations],
        has_collateral: Callable[[str], bool],
    ) -> None:
        self._key = key
        self._lifecycle = lifecycle
        self._sessions = sessions
        self._membership = membership
        self._peers = peers
        self._registration = registration
        self._expectations = expectations
        self._has_collateral = has_collateral

    async def join(self, target: Contact) -> Peer:
        """As the joiner. Raises ``HandshakeError`` or ``PeerError``."""
        theirs = await self._examine(target, asked_ip=None)
        self._sessions.adopt_cluster(theirs.cluster_session)
        body = orjson.dumps({"registrationRequest": self._registration().to_json()})
        await self._peers.ask(
            target,
            "POST",
            "/cluster/join",
            body,
            content_type="application/json",
            timeout_seconds=JOIN_TIMEOUT_SECONDS,
        )
        return self._enter(theirs)

    async def admit(self, request: Registration) -> Peer:
        """As the target. Raises ``Refused`` with the 409 text, ``HandshakeError`` or ``PeerError``."""
        if self._lifecycle.state not in IN_CLUSTER:
            raise Refused("NodeNotInCluster", "Node is not part of the cluster.")
        if self._sessions.own is None:
            raise Refused("SessionDoesNotExist", "Peer does not have an active session.")
        if self._membership.get(request.id) is None and len(self._membership.all()) >= PEERS_MAX:
            raise Refused(f"{PEERS_MAX} peers are known: no room for more")
        if not self._has_collateral(request.id):
            raise Refused("CollateralNotSatisfied", "Collateral is not satisfied.")
        return self._enter(await self._examine(request.contact, asked_ip=request.ip))

    def sign_challenge(self, challenge: str) -> dict[str, Any]:
        return signed_challenge(challenge, self._key)

    async def _examine(self, contact: Contact, asked_ip: str | None) -> Registration:
        """The registration of a peer that passed every check and signed a challenge."""
        expectations = self._expectations()
        expectations.check_listed(contact.id)
        answer = await self._peers.ask(contact, "GET", "/registration/request")
        theirs = decode_registration(answer.json())
        if theirs.id != contact.id:
            raise Refused(f"the registration is of {theirs.id[:8]}, not of {contact.id[:8]}")
        expectations.check(theirs, self._membership.get(theirs.id), asked_ip)
        await self._challenge(contact)
        return theirs

    async def _challenge(self, contact: Contact) -> None:
        challenge = str(uuid.uuid4())
        answer = await self._peers.ask(
            contact,
            "POST",
            "/registration/sign",
            orjson.dumps({"value": challenge}),
            content_type="application/json",
        )
        if not answers_challenge(answer.json(), challenge, contact.id):
            raise HandshakeError(f"HandshakeSignatureNotValid: {contact.id[:8]} did not sign the challenge")

    def _enter(self, theirs: Registration) -> Peer:
        if not self._membership.add(theirs.peer):
            raise refuse_different(theirs)
        return theirs.peer


def in_words(error: Exception) -> str:
    """Why a handshake failed, for the log: a refusal's text, or what the request met."""
    if isinstance(error, PeerRefused):
        return f"refused by the peer ({error})"
    return str(error) or type(error).__name__
