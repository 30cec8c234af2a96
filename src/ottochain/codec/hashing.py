"""SHA-256 in the shapes that OttoChain uses it, always as 64 lower-case hexadecimal digits.

The framing of data updates follows metakit 1.7.0-rc.9, ``JsonBinaryCodec``.
"""

import base64
import hashlib
from typing import Any, Final

from ottochain.codec.canonical import canonical_bytes

EMPTY_HASH: Final = "0" * 64
"""Tessellation's ``Hash.empty``."""

_DATA_UPDATE_PREFIX: Final = b"\x19Constellation Signed Data:\n"


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def canonical_hash(value: Any) -> str:
    """The hash of a value that is not a data update: SHA-256 over its canonical text.

    Raises what ``canonical_bytes`` raises.
    """
    return sha256_hex(canonical_bytes(value))


def data_update_bytes(canonical: bytes) -> bytes:
    """The signing bytes of a data update whose canonical text is `canonical`."""
    encoded = base64.b64encode(canonical)
    return b"%b%d\n%b" % (_DATA_UPDATE_PREFIX, len(encoded), encoded)


def data_update_hash(canonical: bytes) -> str:
    """The hash of a data update whose canonical text is `canonical`; it names and is signed for the update."""
    return sha256_hex(data_update_bytes(canonical))
