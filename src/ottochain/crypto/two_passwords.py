"""PKCS#12 keystores whose key has another password than the store: what Tessellation's keytool calls legacy.

Java writes them when it is asked to; the cryptography library, which knows one password, can't open them. Read here is
what Java writes: definite lengths, a store password that seals the whole (RFC 7292, section 4 and appendix B), and
below it, in the clear, a bag with the key under its own password. The certificates are not looked at.
"""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key

from ottochain.crypto.errors import KeystoreAliasError, KeystoreFormatError, KeystorePasswordError
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.keystore import KeystoreEntry

__all__ = ["read_two_passwords"]

_DATA: Final = bytes.fromhex("2a864886f70d010701")
_SHROUDED_KEY: Final = bytes.fromhex("2a864886f70d010c0a0102")
_FRIENDLY_NAME: Final = bytes.fromhex("2a864886f70d010914")
_DIGESTS: Final = {
    bytes.fromhex("2b0e03021a"): "sha1",
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
_ROUNDS_MAX: Final = 5_000_000
_MAC_KEY: Final = 3
"""The purpose of a derived key, as the standard numbers them."""


@dataclass(frozen=True, slots=True)
class _Node:
    """One value of DER: its tag and content."""

    tag: int
    content: bytes

    @property
    def children(self) -> list["_Node"]:
        return list(_nodes(self.content))


def read_two_passwords(data: bytes, alias: str | None, store_password: str, key_password: str) -> KeystoreEntry:
    """The key of a keystore with one password for the store and another for the key.

    Both are checked. Raises as ``read_p12``; the text of a ``KeystorePasswordError`` says which password it was.
    """
    try:
        _, safe, seal, *_ = _only(data).children
        content = _inner(safe)
        _check_seal(content, seal, store_password)
        bags = [bag for bag in _bags(content) if bag.children[0].content == _SHROUDED_KEY]
        found = [(_alias_of(bag), bag.children[1].content) for bag in bags]
    except (ValueError, IndexError) as error:
        if isinstance(error, KeystorePasswordError):
            raise
        raise KeystoreFormatError("not a PKCS#12 keystore as Java writes it") from None
    if not found:
        raise KeystoreFormatError("the keystore holds no private key")
    for name, shrouded in found:
        if alias is None or name is None or alias.casefold() == name.casefold():
            return KeystoreEntry(name or alias or "", _unshroud(shrouded, key_password))
    names = ", ".join(repr(name) for name, _ in found)
    raise KeystoreAliasError(f"expected a key with alias {alias!r} in the keystore, found {names}")


def _unshroud(shrouded: bytes, password: str) -> PrivateKey:
    try:
        key = load_der_private_key(shrouded, password.encode())
    except (ValueError, TypeError):
        raise KeystorePasswordError("the password of the key does not open it; that of the store is right") from None
    except UnsupportedAlgorithm:
        raise KeystoreFormatError("the key of the keystore is encrypted in a way that is not known here") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256K1):
        raise KeystoreFormatError("the key of the keystore is not on the curve secp256k1")
    return PrivateKey(key.private_numbers().private_value.to_bytes(32, "big"))


# The container.


def _inner(info: _Node) -> bytes:
    """The content of a ContentInfo of plain data."""
    kind, wrapped = info.children
    if kind.content != _DATA:
        raise ValueError("no plain data")
    return _only(wrapped.content).content


def _bags(content: bytes) -> Iterator[_Node]:
    """The bags that are not encrypted as a whole; Java puts keys there."""
    for info in _only(content).children:
        if info.children[0].content == _DATA:
            yield from _only(_inner(info)).children


def _alias_of(bag: _Node) -> str | None:
    for attributes in bag.children[2:]:
        for attribute in attributes.children:
            name, values = attribute.children
            if name.content == _FRIENDLY_NAME:
                return values.children[0].content.decode("utf-16-be")
    return None


def _check_seal(content: bytes, seal: _Node, password: str) -> None:
    """Raises ``KeystorePasswordError`` when the seal is not that of the password."""
    info, salt, *rounds = seal.children
    algorithm, expected = info.children
    digest = _DIGESTS.get(algorithm.children[0].content)
    count = int.from_bytes(rounds[0].content, "big") if rounds else 1
    if digest is None or not 0 < count <= _ROUNDS_MAX:
        raise ValueError("a seal that is not known here")
    key = _derived(password, salt.content, count, digest)
    if not hmac.compare_digest(hmac.digest(key, content, digest), expected.content):
        raise KeystorePasswordError("the password of the store does not open the keystore, or it is damaged")


def _derived(password: str, salt: bytes, rounds: int, digest: str) -> bytes:
    """One digest of key material (RFC 7292, appendix B.2); a MAC key is never longer."""
    block = hashlib.new(digest).block_size
    secret = password.encode("utf-16-be") + b"\0\0"
    key = bytes([_MAC_KEY]) * block + _filled(salt, block) + _filled(secret, block)
    for _ in range(rounds):
        key = hashlib.new(digest, key).digest()
    return key


def _filled(text: bytes, block: int) -> bytes:
    """``text`` over and over, up to whole blocks."""
    size = -(-len(text) // block) * block
    return (text * (size // len(text) + 1))[:size] if text else b""


# DER.


def _only(data: bytes) -> _Node:
    """The one value that ``data`` is."""
    (node,) = _nodes(data)
    return node


def _nodes(data: bytes) -> Iterator[_Node]:
    """Values after each other. ``ValueError`` for what is no DER, ``IndexError`` for what ends too early."""
    place = 0
    while place < len(data):
        tag, length, place = data[place], data[place + 1], place + 2
        if length >= 0x80:
            count = length & 0x7F
            if not 0 < count <= 4:
                raise ValueError("no definite length")
            length, place = int.from_bytes(data[place : place + count], "big"), place + count
        if place + length > len(data):
            raise ValueError("cut short")
        yield _Node(tag, data[place : place + length])
        place += length
