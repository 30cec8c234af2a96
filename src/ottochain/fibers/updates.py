"""A message with the proofs of its signers: what blocks carry and combine applies."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ottochain.codec.canonical import CanonicalError, canonical_bytes
from ottochain.codec.hashing import data_update_hash, sha256_hex
from ottochain.crypto.addresses import address_of_peer
from ottochain.crypto.errors import KeyFormatError
from ottochain.crypto.proofs import Proof, sorted_proofs
from ottochain.fibers.errors import DecodeError
from ottochain.fibers.messages import (
    Message,
    decode_message,
    encode_message,
    target_sequence_number_of,
    update_type,
)

__all__ = ["SignedUpdate", "addresses_of", "combining_key", "in_combining_order"]


@dataclass(frozen=True, slots=True, eq=False)
class SignedUpdate:
    """A message and its proofs, a set ordered by id and signature. Whether they verify is not looked at here.

    Made with ``of`` or ``from_json``. Raises ``DecodeError`` if the message has no canonical text (a number beyond
    the doubles, a lone surrogate), because then nobody can have signed it.
    """

    message: Message
    proofs: tuple[Proof, ...]
    canonical: bytes = field(init=False, repr=False)
    hash: str = field(init=False)
    addresses: tuple[str, ...] = field(init=False, repr=False)
    _key: str | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            canonical = canonical_bytes(encode_message(self.message))
        except CanonicalError as error:
            raise DecodeError("Cannot decode as OttochainMessage", str(error)) from None
        object.__setattr__(self, "canonical", canonical)
        object.__setattr__(self, "hash", data_update_hash(canonical))
        object.__setattr__(self, "addresses", addresses_of(self.proofs))

    @classmethod
    def of(cls, message: Message, proofs: Iterable[Proof]) -> "SignedUpdate":
        """`message` with the set of `proofs`."""
        return cls(message, sorted_proofs(proofs))

    @classmethod
    def from_json(cls, value: object) -> "SignedUpdate":
        """The update of ``{"value": message, "proofs": [{"id", "signature"}, …]}``; ``DecodeError`` if it is none."""
        if not isinstance(value, dict) or not isinstance(value.get("proofs"), list) or not value["proofs"]:
            raise DecodeError("a signed update has a value and a non-empty array of proofs")
        return cls.of(decode_message(value.get("value")), [_decode_proof(proof) for proof in value["proofs"]])

    def to_json(self) -> dict[str, Any]:
        """The wire form, with the message as the server encodes it."""
        return {"value": encode_message(self.message), "proofs": [proof.to_json() for proof in self.proofs]}

    @property
    def key(self) -> str:
        """The identity of value *and* proofs: a copy with other proofs has another key."""
        key = self._key
        if key is None:
            parts = [self.hash, *(f"{proof.id}:{proof.signature}" for proof in self.proofs)]
            key = sha256_hex("\n".join(parts).encode("utf-8", "surrogatepass"))
            object.__setattr__(self, "_key", key)
        return key

    @property
    def update_type(self) -> str:
        """The name of the message."""
        return update_type(self.message)

    @property
    def fiber_id(self) -> str:
        """The fiber that the message founds or addresses."""
        return self.message.fiber_id


def addresses_of(proofs: Sequence[Proof]) -> tuple[str, ...]:
    """The signers' addresses in the order of the proofs, repetitions included; malformed ids have none."""
    addresses = []
    for proof in proofs:
        try:
            addresses.append(address_of_peer(proof.id))
        except KeyFormatError:
            continue  # its signature can't verify either; what it is worth is decided there
    return tuple(addresses)


def in_combining_order(updates: Iterable[SignedUpdate]) -> list[SignedUpdate]:
    """`updates` as a batch is combined: creations first, then by fiber and sequence number; otherwise as given.

    The reference's ``OttochainMessage.ordering``, used with a stable sort.
    """
    return sorted(updates, key=lambda update: combining_key(update.message))


def combining_key(message: Message) -> tuple[int, str, int]:
    """What a batch is sorted by."""
    target = target_sequence_number_of(message)
    return (0, message.fiber_id, 0) if target is None else (1, message.fiber_id, target)


def _decode_proof(value: object) -> Proof:
    if isinstance(value, dict):
        signer, signature = value.get("id"), value.get("signature")
        if isinstance(signer, str) and isinstance(signature, str):
            return Proof(signer, signature)
    raise DecodeError("a proof has an id and a signature")
