"""Who may speak to the p2p listener: members, in the session of their handshake, with a signature on each request.

Everything else, unknown paths included, gets 401 without a body. Source: Tessellation, ``PeerAuthMiddleware.scala``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from ottochain.node import peer_auth
from ottochain.node.bodies import read
from ottochain.node.membership import Membership, Peer
from ottochain.node.responses import empty
from ottochain.node.surface import Handler

OPEN_ROUTES: Final = frozenset(
    {("GET", "/registration/request"), ("POST", "/registration/sign"), ("POST", "/cluster/join")}
)
"""The handshake itself: whoever asks is not a member yet."""

HANDSHAKE_BYTES_MAX: Final = 64 * 1024
"""The body of an open route; the listener's own limit is for members, who send blocks and states."""

_PEER: Final = web.RequestKey("peer", Peer)


def peer_of(request: web.Request) -> Peer:
    """The member that sent an authenticated request."""
    return request[_PEER]


class Gatekeeper:
    """The middleware of the p2p listener."""

    def __init__(self, membership: Membership, has_collateral: Callable[[str], bool]) -> None:
        self._membership = membership
        self._has_collateral = has_collateral

    def middleware(self) -> Callable[[web.Request, Handler], object]:
        @web.middleware
        async def admit_members(request: web.Request, handler: Handler) -> web.StreamResponse:
            if (request.method, request.path) in OPEN_ROUTES:
                return await handler(request.clone(client_max_size=HANDSHAKE_BYTES_MAX))
            peer = await self._authenticate(request)
            if peer is None:
                return empty(401)
            request[_PEER] = peer
            return await handler(request)

        return admit_members

    async def _authenticate(self, request: web.Request) -> Peer | None:
        """The member behind a request; the cheap checks come before its body is read."""
        peer_id = request.headers.get(peer_auth.ID_HEADER, "")
        signature = request.headers.get(peer_auth.SIGNATURE_HEADER)
        peer = self._membership.get(peer_id)
        if peer is None or signature is None:
            return None
        if peer_auth.session_token(request.headers.get(peer_auth.SESSION_HEADER)) != peer.session:
            return None
        path, _, query = request.raw_path.partition("?")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers]
        message = peer_auth.request_bytes(request.method, path, query, headers, await read(request))
        if not peer_auth.is_signed_by(message, signature, peer_id) or not self._has_collateral(peer_id):
            return None
        return peer
