"""The routes of joining and leaving: the operator's on the cli listener, the handshake's on the p2p listener.

The answers are the reference's: JSON strings, and 200 to a join call means only that the session was started. Source:
Tessellation, ``ClusterRoutes.scala`` and ``RegistrationRoutes.scala``.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from ottochain.model.node_state import IN_CLUSTER, InvalidTransition, NodeState
from ottochain.node import bodies
from ottochain.node.bodies import RefinedRouteFailure
from ottochain.node.handshake import in_words
from ottochain.node.node import Node
from ottochain.node.peer_client import PeerError
from ottochain.node.registration import (
    HandshakeError,
    MalformedRegistration,
    Refused,
    decode_contact,
    decode_registration,
)
from ottochain.node.responses import empty, json_response
from ottochain.node.sessions import SessionExists

log = logging.getLogger(__name__)

CHALLENGE_LENGTH_MAX = 64


@contextlib.contextmanager
def refined() -> Iterator[None]:
    """A body that does not decode is answered as the refined decoder does."""
    try:
        yield
    except MalformedRegistration as error:
        raise RefinedRouteFailure(str(error)) from error


class JoinRoutes:
    """Joining and leaving, from both sides."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def cli(self) -> list[web.RouteDef]:
        return [web.post("/cluster/join", self._join), web.post("/cluster/leave", self._leave)]

    def p2p(self) -> list[web.RouteDef]:
        return [
            web.get("/registration/request", self._registration),
            web.post("/registration/sign", self._sign),
            web.post("/cluster/join", self._admit),
        ]

    async def _join(self, request: web.Request) -> web.Response:
        with refined():
            target = decode_contact(await bodies.refined_json(request))
        state = self._node.lifecycle.state
        if state is not NodeState.READY_TO_JOIN:
            return json_response(f"Node state={state} does not allow for joining the cluster.", 409)
        try:
            self._node.join(target)
        except SessionExists as error:
            return json_response(str(error), 409)
        except InvalidTransition:
            return json_response("Unknown error.", 500)
        return empty()

    async def _leave(self, _request: web.Request) -> web.Response:
        self._node.leave()
        return empty()

    async def _registration(self, _request: web.Request) -> web.Response:
        if self._node.sessions.own is None:
            return json_response("Peer does not have an active session.", 409)
        return json_response(self._node.registration().to_json())

    async def _sign(self, request: web.Request) -> web.Response:
        with refined():
            challenge = decode_challenge(await bodies.refined_json(request))
        return json_response(self._node.handshake.sign_challenge(challenge))

    async def _admit(self, request: web.Request) -> web.Response:
        with refined():
            registration = decode_registration(decode_join_request(await bodies.refined_json(request)))
        newcomer = registration.id
        try:
            peer = await self._node.handshake.admit(registration)
        except Refused as refusal:
            # Two that join at once meet before either is in: they try again, and it is nothing to worry about.
            level = logging.INFO if self._node.lifecycle.state not in IN_CLUSTER else logging.WARNING
            log.log(level, "peer %s was not let in: %s", newcomer[:8], refusal)
            return json_response(refusal.answer or "Unknown error.", 409 if refusal.answer else 500)
        except (HandshakeError, PeerError) as error:
            log.warning("peer %s was not let in: %s", newcomer[:8], in_words(error))
            return json_response("Unknown error.", 500)
        self._node.announcer.introduce(peer)
        return empty()


def decode_challenge(body: object) -> str:
    """Raises ``MalformedRegistration``."""
    match body:
        case {"value": str(challenge)} if 0 < len(challenge) <= CHALLENGE_LENGTH_MAX:
            return challenge
        case _:
            raise MalformedRegistration("DecodingFailure at .value: Couldn't decode UUID")


def decode_join_request(body: object) -> Any:
    """Raises ``MalformedRegistration``."""
    match body:
        case {"registrationRequest": registration}:
            return registration
        case _:
            raise MalformedRegistration("DecodingFailure at .registrationRequest: Missing required field")
