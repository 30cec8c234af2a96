"""A value with the proofs of its signers (Tessellation, ``Signed``)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ottochain.codec.wire import wire_bytes
from ottochain.crypto.proofs import Proof, proofs_json, sorted_proofs
from ottochain.model.errors import ModelError

PROOFS_MAX = 256
"""More proofs than any layer has members; a longer list is not read."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A JSON value and its proofs, a set ordered by id and signature. Whether they verify is not looked at here."""

    value: dict[str, Any]
    proofs: tuple[Proof, ...]

    @classmethod
    def of(cls, value: dict[str, Any], proofs: Iterable[Proof]) -> "Signed":
        """``value`` with the set of ``proofs``."""
        return cls(value, sorted_proofs(proofs))

    @classmethod
    def from_json(cls, value: object) -> "Signed":
        """The pair of ``{"value": {…}, "proofs": [{"id", "signature"}, …]}``; ``ModelError`` if it is none."""
        if not isinstance(value, dict) or not isinstance(value.get("value"), dict):
            raise ModelError(f"expected an object with a value and proofs, found {type(value).__name__}")
        return cls(value["value"], decode_proofs(value.get("proofs")))

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"value": self.value, "proofs": [proof.to_json() for proof in self.proofs]}

    @property
    def signers(self) -> tuple[str, ...]:
        """The ids of the proofs, each once, in their order."""
        return tuple(dict.fromkeys(proof.id for proof in self.proofs))


def decode_proofs(value: object) -> tuple[Proof, ...]:
    """The proofs of a non-empty array, as the ordered set they stand for; ``ModelError`` if it is none."""
    if not isinstance(value, list) or not value:
        raise ModelError("expected a non-empty array of proofs")
    if len(value) > PROOFS_MAX:
        raise ModelError(f"expected at most {PROOFS_MAX} proofs, found {len(value)}")
    return sorted_proofs(_decode_proof(each) for each in value)


def signed_text(value_text: bytes, proofs: Iterable[Proof]) -> bytes:
    """The wire text of a signed value whose own text is at hand."""
    return b'{"value":%b,"proofs":%b}' % (value_text, proofs_text(proofs))


def proofs_text(proofs: Iterable[Proof]) -> bytes:
    """The wire text of a set of proofs. Sorted keys are the same text."""
    return wire_bytes(proofs_json(proofs))


def _decode_proof(value: object) -> Proof:
    if isinstance(value, dict):
        signer, signature = value.get("id"), value.get("signature")
        if isinstance(signer, str) and isinstance(signature, str):
            return Proof(signer, signature)
    raise ModelError("expected a proof with an id and a signature")
