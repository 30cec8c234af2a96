"""Signed requests from this node to others, with the answers checked before anybody reads them.

Foreign exceptions end here: a caller sees an ``Answer`` or one of the three ``PeerError`` kinds.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from yarl import URL

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.crypto.keys import PrivateKey
from ottochain.node import peer_auth
from ottochain.node.membership import Contact, Peer
from ottochain.node.sessions import Sessions

TIMEOUT_SECONDS: Final = 5.0
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
ANSWER_DEPTH_MAX: Final = 512
PIECEMEAL_BYTES: Final = 1024 * 1024
"""A longer body is written in pieces, so that it does not hold up the loop."""
OWN_PREFIX: Final = "/ottochain/"
"""Paths of our own node-to-node messages; the empty 200 that confirms one is not signed, for it proves nothing."""


class PeerError(Exception):
    """A request to a peer did not give a usable answer."""


class PeerUnreachable(PeerError):  # noqa: N818
    """No connection, no complete answer in time, or an answer longer than allowed."""


class PeerRefused(PeerError):  # noqa: N818
    """The peer answered with another status than 2xx."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"status {status}: {text}" if text else f"status {status}")
        self.status = status
        self.text = text


class PeerNotAuthentic(PeerError):  # noqa: N818
    """The answer is not signed by the peer that was asked."""


class PeerSessionChanged(PeerNotAuthentic):
    """The answer is the peer's, but from another life of it: it restarted. ``session`` is None when it has none yet."""

    def __init__(self, session: int | None) -> None:
        super().__init__(f"the peer now has session {session}")
        self.session = session


@dataclass(frozen=True, slots=True)
class Answer:
    """A peer's response, read whole."""

    status: int
    body: bytes
    session: int | None

    def json(self) -> Any:
        """The exact value of the body. Raises ``PeerRefused`` when it is no JSON."""
        try:
            return exact_json.loads(self.body, max_depth=ANSWER_DEPTH_MAX)
        except JsonError as error:
            raise PeerRefused(self.status, f"the answer is no JSON: {error}") from error


class PeerClient:
    """Speaks to p2p listeners as this node."""

    def __init__(self, http: aiohttp.ClientSession, key: PrivateKey, sessions: Sessions) -> None:
        self._http = http
        self._key = key
        self._id = key.peer_id
        self._sessions = sessions
        self.on_failure: Callable[[Peer, PeerError], None] = lambda _peer, _error: None
        """Called for each failed request to a member, so that it can be probed."""

    async def get(self, peer: Peer, path: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Answer:
        """``GET path`` (with its query, percent-encoded) of a member. Raises ``PeerError``."""
        return await self._of_member(peer, "GET", path, b"", timeout_seconds)

    async def post(
        self,
        peer: Peer,
        path: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Answer:
        """``POST path`` to a member. Raises ``PeerError``."""
        return await self._of_member(peer, "POST", path, body, timeout_seconds, content_type)

    async def probe(self, peer: Peer, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Any:
        """The session that a member says it has; failures are not reported to ``on_failure``."""
        answer = await self.ask(
            peer.contact, "GET", "/node/session", timeout_seconds=timeout_seconds, expected_session=peer.session
        )
        return answer.json()

    async def _of_member(
        self, peer: Peer, method: str, path: str, body: bytes, timeout_seconds: float, content_type: str | None = None
    ) -> Answer:
        try:
            return await self.ask(
                peer.contact,
                method,
                path,
                body,
                content_type=content_type,
                timeout_seconds=timeout_seconds,
                expected_session=peer.session,
            )
        except PeerError as error:
            if not isinstance(error, PeerRefused) or error.status == 401:
                self.on_failure(peer, error)
            raise

    async def ask(
        self,
        contact: Contact,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        expected_session: int | None = None,
    ) -> Answer:
        """One request to a p2p listener, member or not. Raises ``PeerError``.

        With ``expected_session`` the answer must come from that life of the peer.
        """
        headers = self._signed_headers(method, path, body, content_type)
        content = io.BytesIO(body) if len(body) > PIECEMEAL_BYTES else body or None
        url = URL(f"http://{_authority(contact)}{path}", encoded=True)
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._http.request(
                    method, url, data=content, headers=headers, allow_redirects=False, timeout=_NO_TIMEOUT
                ) as response,
            ):
                answered = await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise PeerUnreachable(f"{method} {path}: {type(error).__name__}: {error}".rstrip(": ")) from error
        unsigned_receipt = path.startswith(OWN_PREFIX) and response.status == 200 and not answered
        if not unsigned_receipt:
            _check_signature(response, answered, contact.id)
        return _judged(response, answered, expected_session)

    async def open_socket(
        self, peer: Peer, path: str, heartbeat_seconds: float, close_seconds: float
    ) -> aiohttp.ClientWebSocketResponse:
        """Opens a WebSocket with a signed request. Raises aiohttp's errors, which its user meets anyway."""
        return await self._http.ws_connect(
            URL(f"http://{_authority(peer.contact)}{path}", encoded=True),
            headers=self._signed_headers("GET", path, b"", None),
            heartbeat=heartbeat_seconds,
            timeout=aiohttp.ClientWSTimeout(ws_close=close_seconds),
            max_msg_size=ANSWER_BYTES_MAX,
            compress=0,
        )

    def _signed_headers(self, method: str, path: str, body: bytes, content_type: str | None) -> dict[str, str]:
        headers = {} if content_type is None else {"Content-Type": content_type}
        if self._sessions.own is not None:
            headers[peer_auth.SESSION_HEADER] = str(self._sessions.own)
        bare, _, query = path.partition("?")
        message = peer_auth.request_bytes(method, bare, query, headers.items(), body)
        headers[peer_auth.ID_HEADER] = self._id
        headers[peer_auth.SIGNATURE_HEADER] = peer_auth.sign(message, self._key)
        return headers


_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)


def _authority(contact: Contact) -> str:
    host = f"[{contact.ip}]" if ":" in contact.ip else contact.ip
    return f"{host}:{contact.p2p_port}"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    declared = response.content_length
    if declared is not None and declared > ANSWER_BYTES_MAX:
        raise ValueError(f"an answer of {declared} bytes")
    if declared is not None:
        return await response.read()
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            raise ValueError(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _check_signature(response: aiohttp.ClientResponse, content: bytes, peer_id: str) -> None:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers]
    message = peer_auth.response_bytes(response.status, headers, content)
    signature = response.headers.get(peer_auth.SIGNATURE_HEADER)
    if not peer_auth.is_signed_by(message, signature, peer_id):
        raise PeerNotAuthentic(f"status {response.status}: the answer is not signed by {peer_id[:8]}")


def _judged(response: aiohttp.ClientResponse, content: bytes, expected_session: int | None) -> Answer:
    """The answer, when it comes from the expected life of the peer and says yes."""
    session = peer_auth.session_token(response.headers.get(peer_auth.SESSION_HEADER))
    if expected_session is not None and session != expected_session:
        raise PeerSessionChanged(session)
    if not 200 <= response.status < 300:
        raise PeerRefused(response.status, content[:500].decode("utf-8", "replace"))
    return Answer(response.status, content, session)
