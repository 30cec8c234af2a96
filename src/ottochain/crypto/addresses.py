"""DAG addresses, derived and checked as Tessellation's ``Address`` does."""

import hashlib
from functools import lru_cache
from typing import Final

from ottochain.codec import base58
from ottochain.crypto.errors import KeyFormatError

STARDUST_ADDRESS: Final = "DAGSTARDUSTCOLLECTIVEHZOIPHXZUBFGNXWJETZVSPAPAHMLXS"
"""The one address that is valid without following the rule."""

_SPKI_PREFIX: Final = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a03420004")
_TAIL_LENGTH: Final = 36
_KNOWN_ADDRESSES_MAX: Final = 4096


@lru_cache(maxsize=_KNOWN_ADDRESSES_MAX)
def address_of_peer(peer_id: str) -> str:
    """The address of the key with `peer_id`, over its X.509 encoding; ``KeyFormatError`` if that has no 64 bytes."""
    try:
        coordinates = bytes.fromhex(peer_id)
    except ValueError:
        coordinates = b""
    if len(coordinates) != 64 or len(peer_id) != 128:
        raise KeyFormatError(f"a peer id is 128 hexadecimal digits, found {peer_id[:16]!r}… of {len(peer_id)}")
    return address_of_bytes(_SPKI_PREFIX + coordinates)


def address_of_bytes(content: bytes) -> str:
    """The address of any content; of the bytes of a currency's genesis it is the metagraph id."""
    tail = base58.encode(hashlib.sha256(content).digest())[-_TAIL_LENGTH:]
    return f"DAG{_parity(tail)}{tail}"


def is_valid_address(text: str) -> bool:
    """Whether `text` is an address: 40 characters, ``DAG``, the parity of the tail, a Base58 tail."""
    if text == STARDUST_ADDRESS:
        return True
    if len(text) != 40 or not text.startswith("DAG"):
        return False
    tail = text[4:]
    return all(character in base58.ALPHABET for character in tail) and text[3] == str(_parity(tail))


def _parity(tail: str) -> int:
    return sum(int(character) for character in tail if character in "0123456789") % 9
