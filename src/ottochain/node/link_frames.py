"""How messages on a link are authenticated: a MAC per frame, under a key that only the two nodes can compute.

A signature per message costs a hundred microseconds on both sides together; a MAC costs three. The key comes from the
two long-lived keys (ECDH), the two sessions, the direction and a nonce of the receiver, so that frames of another link,
another life or another direction never pass. Frames are counted: none can be left out, repeated or swapped.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import coincurve

from ottochain.crypto.keys import PrivateKey

NONCE_BYTES: Final = 16
MAC_BYTES: Final = 16

_PURPOSE: Final = b"ottochain link 1"


class ForgedFrame(Exception):  # noqa: N818  what was received
    """A frame is not the next one of its sender."""


def link_key(own: PrivateKey, other_id: str, sender: tuple[str, int], receiver: tuple[str, int], nonce: bytes) -> bytes:
    """The key of one link; ``sender`` and ``receiver`` are id and session. Both ends compute the same."""
    secret = coincurve.PrivateKey(bytes.fromhex(own.hex)).ecdh(b"\x04" + bytes.fromhex(other_id))
    names = f"{sender[0]} {sender[1]} {receiver[0]} {receiver[1]}".encode()
    return hmac.digest(secret, _PURPOSE + nonce + names, hashlib.sha256)


class Sealer:
    """The sender's end."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._count = 0

    def seal(self, body: bytes) -> bytes:
        mac = _mac(self._key, self._count, body)
        self._count += 1
        return mac + body


class Opener:
    """The receiver's end."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._count = 0

    def open(self, frame: bytes) -> bytes:
        """The body of the next frame. Raises ``ForgedFrame``."""
        body = frame[MAC_BYTES:]
        if not hmac.compare_digest(frame[:MAC_BYTES], _mac(self._key, self._count, body)):
            raise ForgedFrame(f"frame {self._count} is not the sender's")
        self._count += 1
        return body


def _mac(key: bytes, count: int, body: bytes) -> bytes:
    return hmac.digest(key, count.to_bytes(8, "big") + body, hashlib.sha256)[:MAC_BYTES]
