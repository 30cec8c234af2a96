"""Signers for simulations and tests.

The private keys of the names below are public (they are those of OttoChain's own test suites). Whatever such a key
owns on a real network belongs to everybody.
"""

from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA512

from ottochain.codec.hashing import sha256_hex
from ottochain.crypto.addresses import address_of_peer
from ottochain.crypto.errors import KeyFormatError
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import Proof

__all__ = ["Signer", "SignerError", "resolve_signer", "test_key"]

_KNOWN: Final = {
    "alice": "369d8c1b8daec066009f3f4d620c49d833f407e5c97e9c8ea14cfe9d1b75722e",
    "bob": "22ff12dcca1a540c781aa1ab932160cdaadad056f03d0439823f26a3649a6e5a",
    "charlie": "e352d1857d8cd61d13371106d7e74b495e2f3d99fc2477e4a54c388b22c49059",
    "dave": "5b888bfdfed5f340549671e111ca28e04dc7fce179975c1b1308ff4f43f7e0dd",
    "eve": "1706bf0894842bced6b18b2d00678ec86756eb5d1aaa220cfeb8cd31e8ebe214",
    "faythe": "589566833a6c07de1759818594b3df1e0758401dde67d311d0be1a1373e81f8a",
    "grace": "7a3fc7e71e32c8b80a64c6da88f69fc65e7c79456eb086fc77c9c3c72949d786",
    "heidi": "ac2618e24a077a6079abebd0925f38eb01c1f60027c702f441ad06ebeeddae53",
    "niaj": "cd4a3844720999593be2eb5db16afb78f15b2b43841ddba49e1505cda9700fed",
    "oscar": "74fab242e807050837b9fbcf415a5b39b83b4db1641d8d04e187a9dbecd5be08",
    "peggy": "f603156526ef76eded3e8cfd93f1230e29326f9baa42206321d9e92dbe096ae4",
    "quentin": "9d3b39af8bfac5bbc5def534269987a22f1b8d9b9aa6c777eb0f4551e83633b7",
    "ruth": "fe2aa7fbcbbce0ca7363bf939c4e48be83640892a00ff8f1eec2ec1ec2db2340",
    "sybil": "dccb68942db7d3e5e239f79803c8bdedad62637476a6fb769f011e317e93cd27",
    "victor": "d8e4009b4a361f1777ecf6fc39c22fc1f740a63b4dc5a0e11919f039285cf3b9",
    "xavier": "e41a0c1240c97dcfa9dda55f708da14dffa24bd243bde704100a3fcf8eb6c27f",
    "yolanda": "7f0ef4eb795d8990da42a17bcde4b9123a983bf358406788181aebed472fa359",
}


class SignerError(ValueError):
    """A signer that can't be made out."""


class Signer:
    """Somebody who signs in a simulation: with a key, or with a mere id and a signature that nobody checks."""

    def __init__(self, peer_id: str, key: PrivateKey | None = None) -> None:
        self.peer_id = peer_id
        self._key = key

    @property
    def address(self) -> str:
        """The signer's address."""
        return address_of_peer(self.peer_id)

    def proof(self, hash_hex: str) -> Proof:
        """The proof for a hash."""
        return Proof(self.peer_id, "" if self._key is None else _repeatable_signature(self._key, hash_hex))


def test_key(name: str) -> PrivateKey:
    """The key of a participant called `name`: a known one, or one derived from the name."""
    return PrivateKey.from_hex(_KNOWN.get(name) or sha256_hex(f"ottochain test participant {name}".encode()))


def resolve_signer(given: object, participants: Mapping[str, Any]) -> Signer:
    """The signer of a case: a name (looked up in `participants`, else a test participant), or an object.

    An object has a ``privateKey``, an ``id`` or an ``address``; an address must be that of a participant. Raises
    ``SignerError``.
    """
    if isinstance(given, str):
        return _from_fields(participants[given], participants) if given in participants else _from_key(test_key(given))
    if isinstance(given, Mapping):
        return _from_fields(given, participants)
    raise SignerError(f"a signer is a name or an object, found {given!r}")


def _from_fields(fields: Any, participants: Mapping[str, Any]) -> Signer:
    if not isinstance(fields, Mapping):
        raise SignerError(f"a participant is an object, found {fields!r}")
    try:
        if isinstance(fields.get("privateKey"), str):
            return _from_key(PrivateKey.from_hex(fields["privateKey"]))
    except KeyFormatError as error:
        raise SignerError(str(error)) from None
    if isinstance(fields.get("id"), str):
        return Signer(fields["id"])
    address = fields.get("address")
    named = [
        participant
        for participant in participants.values()
        if isinstance(participant, Mapping) and participant.get("address") == address and "id" in participant
    ]
    keys = [key for name in _KNOWN if (key := test_key(name)).address == address]
    if named:
        return _from_fields({key: named[0][key] for key in ("privateKey", "id") if key in named[0]}, {})
    if keys:
        return _from_key(keys[0])
    raise SignerError(f"nobody with the address {address} is known; give an id or a privateKey")


def _from_key(key: PrivateKey) -> Signer:
    return Signer(key.peer_id, key)


def _repeatable_signature(key: PrivateKey, hash_hex: str) -> str:
    """The signature whose nonce follows RFC 6979 with SHA-512, S as it comes: the same on every run and machine.

    Expressions can read signatures, so a simulation that is to be compared needs one fixed choice.
    """
    curve_key = ec.derive_private_key(int(key.hex, 16), ec.SECP256K1())
    try:
        return curve_key.sign(hash_hex.encode(), ec.ECDSA(SHA512(), deterministic_signing=True)).hex()
    except UnsupportedAlgorithm:
        return key.sign_hash(hash_hex)
