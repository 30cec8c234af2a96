"""Links: a connection kept open to each member, for small messages that must be quick.

``send`` queues and never waits; the message is on its way within the same tick, without a request of its own. What is
lost with a broken connection is lost: whoever sends here asks again by himself, as consensus does. A link that breaks
tells at once that its peer died. Each direction has its own connection (a WebSocket, ``GET /ottochain/link`` on the p2p
listener), opened with the first message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Callable
from typing import Final

import aiohttp
from aiohttp import web

from ottochain.crypto.keys import PrivateKey
from ottochain.node.gatekeeper import peer_of
from ottochain.node.link_frames import NONCE_BYTES, ForgedFrame, Opener, Sealer, link_key
from ottochain.node.membership import Membership, Peer
from ottochain.node.peer_client import PeerClient, PeerUnreachable
from ottochain.node.sessions import NoSession, Sessions
from ottochain.node.supervisor import Supervisor

log = logging.getLogger(__name__)

LINK_PATH: Final = "/ottochain/link"
CONNECT_SECONDS: Final = 5.0
HEARTBEAT_SECONDS: Final = 15.0
"""An idle link is asked for a sign of life this often, so that a peer whose host vanished is noticed."""

CLOSE_SECONDS: Final = 0.5
"""How long the other side may take to agree that a link is closed."""

BUSY_SECONDS: Final = 0.01
"""After this long a node that was busy looks whether it may read on."""

FRAME_BYTES_MAX: Final = 64 * 1024 * 1024
QUEUE_BYTES_MAX: Final = 128 * 1024 * 1024
"""Waiting for one peer; beyond it everything waiting is dropped, for that peer is far behind anyway."""


class Links:
    """All links of one node. ``on_message`` gets what peers send, each peer's messages in their order."""

    def __init__(
        self,
        key: PrivateKey,
        sessions: Sessions,
        membership: Membership,
        peers: PeerClient,
        supervisor: Supervisor,
    ) -> None:
        self.on_message: Callable[[Peer, bytes], None] = lambda _peer, _body: None
        self.is_busy: Callable[[], bool] = lambda: False
        """While this says so no more is read from any link: what peers send waits with them."""
        self._key = key
        self._sessions = sessions
        self._membership = membership
        self._peers = peers
        self._supervisor = supervisor
        self._outgoing: dict[str, _Outgoing] = {}
        self._incoming: set[web.WebSocketResponse] = set()

    def send(self, peer_id: str, body: bytes) -> None:
        """Queues a message; dropped when the peer is not a responsive member."""
        peer = self._membership.get(peer_id)
        if peer is None or not peer.responsive:
            return
        link = self._outgoing.get(peer_id)
        if link is None or link.peer.session != peer.session:
            link = self._outgoing[peer_id] = _Outgoing(peer)
            self._supervisor.background(f"link to {peer_id[:8]}", self._keep(link))
        link.queue(body)

    def routes(self) -> list[web.RouteDef]:
        """For the p2p listener."""
        return [web.get(LINK_PATH, self._accept)]

    async def stop(self) -> None:
        """Ends the links that peers opened; those to peers end with the supervisor's tasks."""
        await asyncio.gather(*(socket.close() for socket in tuple(self._incoming)), return_exceptions=True)

    async def _keep(self, link: _Outgoing) -> None:
        """One connection from its opening to its end."""
        try:
            await self._drive(link)
            reason = "the link was closed"
        except (aiohttp.ClientError, TimeoutError, OSError, TypeError) as error:
            reason = f"the link broke: {type(error).__name__}: {error}"
        finally:
            if self._outgoing.get(link.peer.id) is link:
                del self._outgoing[link.peer.id]
        self._peers.on_failure(link.peer, PeerUnreachable(reason))

    async def _drive(self, link: _Outgoing) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            socket = await self._peers.open_socket(link.peer, LINK_PATH, HEARTBEAT_SECONDS, CLOSE_SECONDS)
            nonce = await socket.receive_bytes()
        try:
            sealer = Sealer(self._key_of(link.peer, nonce, outgoing=True))
            sending = asyncio.create_task(link.send_all(socket, sealer))
            try:
                # The peer says nothing on this connection; reading tells when it ends.
                reading = asyncio.create_task(_read_to_end(socket))
                await asyncio.wait([sending, reading], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, reading):
                    task.cancel()
                results = await asyncio.gather(sending, reading, return_exceptions=True)
            for result in results:
                if isinstance(result, Exception):
                    raise result
        finally:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await socket.close()

    def _key_of(self, peer: Peer, nonce: bytes, *, outgoing: bool) -> bytes:
        if self._sessions.own is None:
            raise NoSession("the node has no session")
        own, other = (self._key.peer_id, self._sessions.own), (peer.id, peer.session)
        sender, receiver = (own, other) if outgoing else (other, own)
        return link_key(self._key, peer.id, sender, receiver, nonce)

    async def _accept(self, request: web.Request) -> web.StreamResponse:
        """A peer's link: its frames are handed on until it ends."""
        peer = peer_of(request)
        socket = web.WebSocketResponse(
            timeout=CLOSE_SECONDS, compress=False, heartbeat=HEARTBEAT_SECONDS, max_msg_size=FRAME_BYTES_MAX
        )
        await socket.prepare(request)
        nonce = secrets.token_bytes(NONCE_BYTES)
        opener = Opener(self._key_of(peer, nonce, outgoing=False))
        self._incoming.add(socket)
        try:
            await socket.send_bytes(nonce)
            async for frame in socket:
                if frame.type is not aiohttp.WSMsgType.BINARY or not self._is_current(peer):
                    break
                self.on_message(peer, opener.open(frame.data))
                while self.is_busy():  # noqa: ASYNC110  what it waits for is several things
                    await asyncio.sleep(BUSY_SECONDS)
        except ForgedFrame as error:
            log.warning("the link of %s is closed: %s", peer.id[:8], error)
        finally:
            self._incoming.discard(socket)
            await socket.close()
        return socket

    def _is_current(self, peer: Peer) -> bool:
        known = self._membership.get(peer.id)
        return known is not None and known.session == peer.session


class _Outgoing:
    """What waits for one peer."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()

    def queue(self, body: bytes) -> None:
        if self._bytes > QUEUE_BYTES_MAX:
            log.warning("%d messages for %s are dropped: it does not read", len(self._waiting), self.peer.id[:8])
            self._waiting.clear()
            self._bytes = 0
        self._waiting.append(body)
        self._bytes += len(body)
        self._arrived.set()

    async def send_all(self, socket: aiohttp.ClientWebSocketResponse, sealer: Sealer) -> None:
        """For ever; raises when the connection breaks."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                body = self._waiting.popleft()
                self._bytes -= len(body)
                await socket.send_bytes(sealer.seal(body))


async def _read_to_end(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass
