"""Signed HTTP: which bytes of a request or a response are signed, and by which headers that travels.

Every request between nodes carries ``X-Id`` (who sends), ``X-Session-Token`` (which life of that node) and
``Request-Signature``. A response is signed under the same header name. The signed bytes are put together without
separators: method, path and query of a request, or the low byte of a response's status; then the protected headers in
the order of the message; then the body. Source: Tessellation, ``PeerAuthMiddleware.scala``, and http-request-signer.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Final

from ottochain.crypto.errors import KeyFormatError
from ottochain.crypto.keys import PrivateKey, PublicKey

ID_HEADER: Final = "X-Id"
SESSION_HEADER: Final = "X-Session-Token"
SIGNATURE_HEADER: Final = "Request-Signature"

PROTECTED_HEADERS: Final = frozenset({"content-type", "cookie", "referer", "x-session-token"})

Headers = Iterable[tuple[str, str]]


def _protected(headers: Headers) -> str:
    return "".join(f"{name}: {value}" for name, value in headers if name.lower() in PROTECTED_HEADERS)


def request_bytes(method: str, path: str, query: str, headers: Headers, body: bytes) -> bytes:
    """What is signed of a request; ``path`` and ``query`` as they stand on the wire, the query without its ``?``."""
    return f"{method}{path}{query}{_protected(headers)}".encode() + body


def response_bytes(status: int, headers: Headers, body: bytes) -> bytes:
    """What is signed of a response: the status counts modulo 256."""
    return bytes([status & 0xFF]) + _protected(headers).encode() + body


def sign(message: bytes, key: PrivateKey) -> str:
    """The value of ``Request-Signature``: base64 of the DER signature over the raw bytes."""
    return base64.b64encode(key.sign_message(message)).decode()


def is_signed_by(message: bytes, signature: str | None, peer_id: str) -> bool:
    """Did the key behind ``peer_id`` make ``signature``? Whatever is missing or malformed answers no."""
    if not signature:
        return False
    try:
        der = base64.b64decode(signature, validate=True)
        return PublicKey.from_peer_id(peer_id).verify_message(message, der)
    except (binascii.Error, ValueError, KeyFormatError):
        return False


def session_token(value: str | None) -> int | None:
    """The token of a header; None when it is missing or no positive 64-bit number."""
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 19:
        return None
    token = int(value)
    return token if 0 < token < 2**63 else None
