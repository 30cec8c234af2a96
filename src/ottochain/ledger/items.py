"""What the three kinds of signed items have in common, and an item with the proofs of its signers."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from ottochain.codec.hashing import sha256_hex
from ottochain.crypto.addresses import address_of_peer
from ottochain.crypto.errors import KeyFormatError
from ottochain.crypto.proofs import Proof, sorted_proofs, verify
from ottochain.ledger.reasons import Reason, Shortened, product, reason
from ottochain.ledger.references import Reference


class Item(Protocol):
    """A value that the owner of ``source`` signs, and that follows the one named ``parent``."""

    @property
    def source(self) -> str:
        """The address whose tokens move, and whose key signs."""

    @property
    def amount(self) -> int:
        """How much leaves ``source``."""

    @property
    def fee(self) -> int:
        """What leaves ``source`` besides, and is burnt."""

    @property
    def parent(self) -> Reference:
        """The item before this one in the chain of ``source``."""

    @property
    def hash(self) -> str:
        """What is signed."""

    @property
    def order(self) -> tuple[Any, ...]:
        """What the reference sorts by: the fields as they are declared."""

    def to_json(self) -> dict[str, Any]:
        """The wire form of the value."""


I = TypeVar("I", bound=Item)  # noqa: E741  one letter for the one thing this room is about


@dataclass(frozen=True)
class SignedItem(Generic[I]):
    """An item and its proofs, a set ordered by id and signature. Whether they verify is not looked at here."""

    value: I
    proofs: tuple[Proof, ...] = field(repr=False)

    @classmethod
    def of(cls, value: I, proofs: Iterable[Proof]) -> "SignedItem[I]":
        """``value`` with the set of ``proofs``."""
        return cls(value, sorted_proofs(proofs))

    @property
    def source(self) -> str:
        """The address whose chain it is in."""
        return self.value.source

    @property
    def hash(self) -> str:
        """The hash of the value."""
        return self.value.hash

    @property
    def ordinal(self) -> int:
        """Its own ordinal: its parent's and one."""
        return self.value.parent.ordinal + 1

    @property
    def reference(self) -> Reference:
        """What the next item names as its parent."""
        return Reference(self.ordinal, self.value.hash)

    @cached_property
    def key(self) -> str:
        """The identity of value *and* proofs: a copy with other proofs has another key."""
        parts = [self.hash, *(f"{proof.id}:{proof.signature}" for proof in self.proofs)]
        return sha256_hex("\n".join(parts).encode("utf-8", "surrogatepass"))

    @cached_property
    def order(self) -> tuple[Any, ...]:
        """What sets of signed items are ordered by: the value, then the proofs, fewer before more."""
        return (*self.value.order, proofs_order(self.proofs))

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"value": self.value.to_json(), "proofs": [proof.to_json() for proof in self.proofs]}


def proofs_order(proofs: tuple[Proof, ...]) -> tuple[int, tuple[Proof, ...]]:
    """What sets of proofs are ordered by: cats compares the sizes of sets first."""
    return len(proofs), proofs


def signature_faults(proofs: Iterable[Proof], hash_hex: str) -> list[Reason]:
    """``InvalidSignatures`` naming the proofs that do not sign the hash."""
    bad = tuple(_proof_shown(proof) for proof in proofs if not verify(hash_hex, proof))
    return [reason("InvalidSignatures", invalidSignatures=bad)] if bad else []


def owner_faults(item: SignedItem[Any]) -> list[Reason]:
    """``InvalidSigned`` for proofs that do not hold, ``NotSignedBySourceAddressOwner`` for anybody else's."""
    faults = [reason("InvalidSigned", error=fault) for fault in signature_faults(item.proofs, item.hash)]
    if any(signer_address(proof) != item.source for proof in item.proofs):
        faults.append(reason("NotSignedBySourceAddressOwner"))
    return faults


def signer_address(proof: Proof) -> str | None:
    """The address of a proof's signer; None for an id that is no key's."""
    try:
        return address_of_peer(proof.id)
    except KeyFormatError:
        return None


def _proof_shown(proof: Proof) -> Any:
    return product("SignatureProof", id=product("Id", hex=Shortened(proof.id)), signature=Shortened(proof.signature))
