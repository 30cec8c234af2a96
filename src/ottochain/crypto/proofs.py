"""Proofs: who signed a hash (Tessellation, ``SignatureProof`` and ``Signed``)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ottochain.codec.wire import json_hash
from ottochain.crypto.errors import KeyFormatError
from ottochain.crypto.keys import PrivateKey, PublicKey

__all__ = ["Proof", "proofs_hash", "proofs_json", "sign", "sorted_proofs", "verify", "verify_all"]


@dataclass(frozen=True, slots=True, order=True)
class Proof:
    """A signature (DER, hexadecimal) of the key with peer id `id`. Nothing about it is checked here."""

    id: str
    signature: str

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"id": self.id, "signature": self.signature}


def sign(hash_hex: str, key: PrivateKey) -> Proof:
    """The proof of `key` for a hash."""
    return Proof(key.peer_id, key.sign_hash(hash_hex))


def verify(hash_hex: str, proof: Proof) -> bool:
    """Whether `proof` signs the hash. A malformed id or signature means ``False``.

    So do capital letters: written otherwise the same proof would count as that of another signer, and what it signs as
    something new, which anybody could hand in again.
    """
    if proof.id.lower() != proof.id or proof.signature.lower() != proof.signature:
        return False
    try:
        key = PublicKey.from_peer_id(proof.id)
    except KeyFormatError:
        return False
    return key.verify_hash(hash_hex, proof.signature)


def verify_all(hash_hex: str, proofs: Iterable[Proof]) -> bool:
    """Whether there is at least one proof and each of them signs the hash."""
    proofs = list(proofs)
    return bool(proofs) and all(verify(hash_hex, proof) for proof in proofs)


def sorted_proofs(proofs: Iterable[Proof]) -> tuple[Proof, ...]:
    """The set of `proofs`: each once, ordered by id and signature."""
    return tuple(sorted(set(proofs)))


def proofs_json(proofs: Iterable[Proof]) -> list[dict[str, Any]]:
    """The wire form of a set of proofs, in its order."""
    return [proof.to_json() for proof in sorted_proofs(proofs)]


def proofs_hash(proofs: Iterable[Proof]) -> str:
    """Tessellation's ``proofsHash``: the JSON hash of the ordered proofs. Blocks refer to each other by it."""
    return json_hash(proofs_json(proofs))
