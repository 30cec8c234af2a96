"""secp256k1 keys and SHA512withECDSA signatures, as Tessellation makes and checks them.

The digest is SHA-512 truncated to the 256 bits of the curve. Signatures are made with RFC 6979 nonces and low S
(dag4 refuses high S); on verification high S is accepted, because the JVM and the Python SDK produce it.
"""

import hashlib
import secrets
from functools import lru_cache
from typing import Final, NoReturn

import coincurve
from coincurve.ecdsa import cdata_to_der, der_to_cdata, signature_normalize

from ottochain.crypto.addresses import address_of_peer
from ottochain.crypto.errors import KeyFormatError

__all__ = ["KeyFormatError", "PrivateKey", "PublicKey"]

_CURVE_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_KNOWN_KEYS_MAX: Final = 4096


class PrivateKey:
    """A private key. Its representation, its errors and its pickles never show the secret; ``hex`` does."""

    __slots__ = ("_key", "peer_id")

    def __init__(self, secret: bytes) -> None:
        """The key with the 32-byte scalar `secret`; ``KeyFormatError`` if that is out of range."""
        if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < _CURVE_ORDER:
            raise KeyFormatError("a private key is 32 bytes, from 1 to the order of secp256k1 less 1")
        self._key = coincurve.PrivateKey(secret)
        self.peer_id = self._key.public_key.format(compressed=False)[1:].hex()
        """The id of the key's owner: 128 lower-case hexadecimal digits."""

    @classmethod
    def generate(cls) -> "PrivateKey":
        """A new random key."""
        return cls((secrets.randbelow(_CURVE_ORDER - 1) + 1).to_bytes(32, "big"))

    @classmethod
    def from_hex(cls, text: str) -> "PrivateKey":
        """The key written as 64 hexadecimal digits; ``KeyFormatError`` if `text` is not that."""
        secret = _bytes_from_hex(text)
        if secret is None or len(secret) != 32:
            # Neither the text nor its cause is quoted: it may be a secret with a typing error.
            raise KeyFormatError("a private key is written as 64 hexadecimal digits")
        return cls(secret)

    @property
    def hex(self) -> str:
        """The secret, as 64 lower-case hexadecimal digits."""
        return self._key.secret.hex()

    @property
    def address(self) -> str:
        """The DAG address of the key's owner."""
        return address_of_peer(self.peer_id)

    @property
    def public_key(self) -> "PublicKey":
        """The public half."""
        return PublicKey.from_peer_id(self.peer_id)

    def sign_hash(self, hash_hex: str) -> str:
        """Sign the characters of a hash; the answer is DER in lower-case hexadecimal, with low S."""
        return self.sign_message(hash_hex.encode("ascii")).hex()

    def sign_message(self, message: bytes) -> bytes:
        """Sign any bytes; the answer is DER with low S."""
        return self._key.sign(_digest(message), hasher=None)

    def __repr__(self) -> str:
        return f"<PrivateKey of {self.address}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrivateKey) and self.peer_id == other.peer_id

    def __hash__(self) -> int:
        return hash(self.peer_id)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not copied or pickled; hand on its hex where that is meant")


class PublicKey:
    """A public key, known by its peer id."""

    __slots__ = ("_key", "peer_id")

    def __init__(self, peer_id: str) -> None:
        """The key of `peer_id`; ``KeyFormatError`` if that is not a point of the curve in 128 digits."""
        coordinates = _bytes_from_hex(peer_id)
        if coordinates is None or len(coordinates) != 64:
            raise KeyFormatError(f"a peer id is 128 hexadecimal digits, found {peer_id[:16]!r}… of {len(peer_id)}")
        try:
            self._key = coincurve.PublicKey(b"\x04" + coordinates)
        except ValueError:
            raise KeyFormatError(f"peer id {peer_id[:16]}… is not a point of secp256k1") from None
        self.peer_id = peer_id.lower()

    @staticmethod
    def from_peer_id(peer_id: str) -> "PublicKey":
        """As the constructor, but keys asked for again are remembered (the latest 4096)."""
        return _known_key(peer_id)

    @property
    def address(self) -> str:
        """The DAG address of the key's owner."""
        return address_of_peer(self.peer_id)

    def verify_hash(self, hash_hex: str, signature_hex: str) -> bool:
        """Whether `signature_hex` (DER) signs the characters of `hash_hex`. Malformed means ``False``."""
        signature = _bytes_from_hex(signature_hex)
        return signature is not None and self.verify_message(hash_hex.encode("utf-8", "surrogatepass"), signature)

    def verify_message(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` (DER) signs `message`. Malformed means ``False``."""
        try:
            digest = _digest(message)
            # libsecp256k1 takes low S alone. Almost all of ours are, and to look takes a sixth of the time.
            if not _has_long_s(signature) and self._key.verify(signature, digest, hasher=None):
                return True
            was_high, normal = signature_normalize(der_to_cdata(signature))
            return was_high and self._key.verify(cdata_to_der(normal), digest, hasher=None)
        except ValueError:
            return False

    def __repr__(self) -> str:
        return f"<PublicKey {self.peer_id[:16]}…>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.peer_id == other.peer_id

    def __hash__(self) -> int:
        return hash(self.peer_id)


@lru_cache(maxsize=_KNOWN_KEYS_MAX)
def _known_key(peer_id: str) -> PublicKey:
    return PublicKey(peer_id)


def _digest(message: bytes) -> bytes:
    return hashlib.sha512(message).digest()[:32]


def _has_long_s(signature: bytes) -> bool:
    """Whether S of a DER signature takes 33 bytes: then it is high for certain, else almost never."""
    at = 5 + signature[3] if len(signature) > 8 else 0
    return at < len(signature) and signature[at] == 33


def _bytes_from_hex(text: str) -> bytes | None:
    """The bytes that `text` writes; none if it holds anything else, the spaces that Python allows included."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return None
    return data if len(data) * 2 == len(text) else None
