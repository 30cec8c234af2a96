"""A data block with its updates decoded: what ML0 judges.

The wire text is kept as it came, because a proposal hands it on; the canonical text, which the snapshot carries, is
put together from the updates' own.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ottochain.codec import exact_json
from ottochain.codec.canonical import canonical_bytes
from ottochain.codec.exact_json import JsonError
from ottochain.crypto.proofs import Proof, verify
from ottochain.fibers import DecodeError, SignedUpdate
from ottochain.ledger.fee_transactions import SignedFee
from ottochain.model.data_block import SignedDataBlock
from ottochain.model.errors import ModelError

_HEX: Final = re.compile(r"[0-9a-fA-F]+").fullmatch


@dataclass(frozen=True, slots=True, eq=False)
class UpdateBlock:
    """A data block. ``updates`` are all of them, in the order of their groups; the ``fees`` stand among them.

    ``after`` names, by key, the ordinal that an update was submitted after: what the chain decided about it up to
    there was about an earlier submission. The reference's block has no such member and passes over it.
    """

    round_id: str
    hash: str
    groups: tuple[tuple[SignedUpdate | SignedFee, ...], ...]
    proofs: tuple[Proof, ...]
    wire: bytes = field(repr=False)
    after: Mapping[str, int] = field(default_factory=dict, repr=False)
    updates: tuple[SignedUpdate, ...] = field(init=False, repr=False)
    fees: tuple[SignedFee, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        members = [member for group in self.groups for member in group]
        object.__setattr__(self, "updates", tuple(each for each in members if isinstance(each, SignedUpdate)))
        object.__setattr__(self, "fees", tuple(each for each in members if isinstance(each, SignedFee)))

    @classmethod
    def from_bytes(cls, text: bytes) -> "UpdateBlock":
        """The block of a request's body; ``ModelError`` if it is none."""
        try:
            value = exact_json.loads(text)
        except JsonError as error:
            raise ModelError(f"expected a signed data block: {error}") from None
        return cls.from_json(value, text)

    @classmethod
    def from_json(cls, value: object, wire: bytes | None = None) -> "UpdateBlock":
        """The block of its wire form; ``ModelError`` if it is none or if a hash is not that of its update."""
        signed = SignedDataBlock.from_json(value)
        groups = tuple(
            tuple(_decode(transaction, claimed) for transaction, claimed in zip(group, hashes, strict=True))
            for group, hashes in zip(signed.block.transactions, signed.block.hashes, strict=True)
        )
        for group in groups:
            _check_fees(group)
        for proof in signed.proofs:
            _check_proof(proof)
        assert isinstance(value, dict)
        return cls(
            round_id=signed.block.round_id,
            hash=signed.hash,
            groups=groups,
            proofs=signed.proofs,
            wire=exact_json.dumps(value) if wire is None else wire,
            after=_after(value["value"].get("after", {})),
        )

    def after_of(self, key: str) -> int:
        """The ordinal that the update with this key was submitted after; 0 when none is named."""
        return self.after.get(key, 0)

    def payer_of(self, fee: SignedFee) -> SignedUpdate:
        """The update that a fee is for: the first of its group with the hash that it names."""
        group = next(group for group in self.groups if fee in group)
        return next(each for each in group if isinstance(each, SignedUpdate) and each.hash == fee.update_hash)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the updates, in their order."""
        return tuple(update.key for update in self.updates)

    def canonical(self) -> bytes:
        """The canonical JSON of the signed block, as the snapshot carries it."""
        transactions = b",".join(b"[%b]" % b",".join(map(_member_text, group)) for group in self.groups)
        hashes = b",".join(
            b"[%b]" % b",".join(b'"%b"' % member.hash.encode() for member in group) for group in self.groups
        )
        return b'{"proofs":%b,"value":{"dataTransactions":[%b],"dataTransactionsHashes":[%b],"roundId":"%b"}}' % (
            _proofs_text(self.proofs),
            transactions,
            hashes,
            self.round_id.encode(),
        )


class SignedBlock(Protocol):
    """A block of any kind."""

    @property
    def hash(self) -> str:
        """What its signers sign."""

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """The proofs of its signers."""


@dataclass(frozen=True, slots=True)
class BlockRule:
    """Whose blocks ML0 takes: ``threshold`` distinct signers, all of them ``members`` when those are named."""

    threshold: int = 1
    members: frozenset[str] | None = None

    def violation(self, block: SignedBlock) -> str | None:
        """What is wrong with the block's own signatures, or None."""
        signers = {proof.id for proof in block.proofs}
        strangers = sorted(signers - self.members) if self.members is not None else []
        if strangers:
            return f"signed by {strangers[0][:16]}…, which is not among the {len(self.members or ())} nodes of the L1"
        if len(signers) < self.threshold:
            return f"expected signatures of {self.threshold} L1 nodes, found {len(signers)}"
        bad = [proof.id for proof in block.proofs if not verify(block.hash, proof)]
        return f"the signature of {bad[0][:16]}… does not sign the block's hash {block.hash}" if bad else None


def _decode(transaction: Mapping[str, Any], claimed: str) -> SignedUpdate | SignedFee:
    value = transaction.get("value")
    member: SignedUpdate | SignedFee
    try:
        is_fee = isinstance(value, dict) and "dataUpdateRef" in value
        member = SignedFee.from_json(transaction) if is_fee else SignedUpdate.from_json(transaction)
    except DecodeError as error:
        raise ModelError(f"expected a signed update in the block: {error.detail}") from None
    if member.hash != claimed:
        raise ModelError(f"the block gives an update the hash {claimed}, its hash is {member.hash}")
    for proof in member.proofs:
        _check_proof(proof)
    return member


def _check_fees(group: Iterable[SignedUpdate | SignedFee]) -> None:
    """A fee stands with the update that it is for, and an update has one at most."""
    hashes = [each.hash for each in group if isinstance(each, SignedUpdate)]
    paid = [each.update_hash for each in group if isinstance(each, SignedFee)]
    if len(set(paid)) < len(paid) or not set(paid) <= set(hashes):
        raise ModelError("expected each fee in the group of its update, and one for an update at most")


def _after(value: object) -> dict[str, int]:
    if not isinstance(value, dict) or not all(type(ordinal) is int and ordinal >= 0 for ordinal in value.values()):
        raise ModelError("expected after to give ordinals by key")
    return value


def _check_proof(proof: Proof) -> None:
    """Hexadecimal needs no escapes, so that texts can be put together without an encoder."""
    if not _HEX(proof.id) or not _HEX(proof.signature):
        raise ModelError("expected a proof's id and signature in hexadecimal digits")


def _member_text(member: SignedUpdate | SignedFee) -> bytes:
    canonical = canonical_bytes(member.value_json()) if isinstance(member, SignedFee) else member.canonical
    return b'{"proofs":%b,"value":%b}' % (_proofs_text(member.proofs), canonical)


def _proofs_text(proofs: Iterable[Proof]) -> bytes:
    texts = [b'{"id":"%b","signature":"%b"}' % (proof.id.encode(), proof.signature.encode()) for proof in proofs]
    return b"[%b]" % b",".join(texts)
