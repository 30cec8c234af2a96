"""What a data update pays to its metagraph (Tessellation, ``FeeTransaction`` and ``FeeTransactionValidator``)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from ottochain.codec.hashing import sha256_hex
from ottochain.codec.wire import json_hash
from ottochain.crypto.proofs import Proof, verify_all
from ottochain.ledger.fields import address, amount, hash_text, members_of
from ottochain.ledger.items import proofs_order, signer_address
from ottochain.ledger.reasons import Reason, reason
from ottochain.model.signed import decode_proofs


class FeeFault(NamedTuple):
    """Why a fee is not taken: the reference's name for it, and its sentence."""

    name: str
    message: str


SOURCE_MUST_SIGN: Final = FeeFault("SourceWalletNotSignTheTransaction", "Source wallet should sign the transaction")
NO_SUCH_UPDATE: Final = FeeFault(
    "MissingDataUpdateOfFeeTransaction", "Could not find data update for provided fee transaction"
)
NOT_ENOUGH_BALANCE: Final = FeeFault("SourceWalletNotEnoughBalance", "Source wallet not enough balance")
ALREADY_PAID: Final = FeeFault("FeeAlreadyPaid", "Fee transaction is paid already")


@dataclass(frozen=True)
class SignedFee:
    """``amount`` goes from ``source`` to ``destination`` when the update whose hash is ``update_hash`` is accepted.

    It has no parent. What binds it to one update is that update's hash; it is paid once, even where an update of that
    hash is accepted again under other proofs.
    """

    source: str
    destination: str
    amount: int
    update_hash: str
    proofs: tuple[Proof, ...]

    @cached_property
    def hash(self) -> str:
        """What its owner signs; ``feeHash`` of the answer."""
        return json_hash(self.value_json())

    @cached_property
    def key(self) -> str:
        """Under which its payment is remembered: of the value alone, for its owner means to pay once."""
        return sha256_hex(f"fee {self.hash}".encode())

    @property
    def order(self) -> tuple[Any, ...]:
        """What sets of them are ordered by."""
        return (self.source, self.destination, self.amount, self.update_hash, proofs_order(self.proofs))

    def value_json(self) -> dict[str, Any]:
        """The wire form of the value."""
        return {
            "source": self.source,
            "destination": self.destination,
            "amount": self.amount,
            "dataUpdateRef": self.update_hash,
        }

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"value": self.value_json(), "proofs": [proof.to_json() for proof in self.proofs]}

    @classmethod
    def from_json(cls, value: object) -> "SignedFee":
        """The signed fee transaction of its wire form; ``ModelError`` if it is none."""
        signed = members_of(value, "a signed fee transaction")
        members = members_of(signed.get("value"), "a fee transaction")
        return cls(
            source=address(members, "source"),
            destination=address(members, "destination"),
            amount=amount(members, "amount", low=0),
            update_hash=hash_text(members, "dataUpdateRef"),
            proofs=decode_proofs(signed.get("proofs")),
        )


def fee_faults(fee: SignedFee, update_hash: str, balance: int) -> list[FeeFault]:
    """What L1 says of the fee of an update, in the reference's order. ``balance`` is its source's."""
    faults = []
    if fee.source not in {signer_address(proof) for proof in fee.proofs}:
        faults.append(SOURCE_MUST_SIGN)
    if fee.update_hash != update_hash:
        faults.append(NO_SUCH_UPDATE)
    if balance < fee.amount:
        faults.append(NOT_ENOUGH_BALANCE)
    return faults


def fee_violations(fee: SignedFee) -> list[Reason]:
    """What keeps a fee out of a snapshot whatever the state."""
    violations = []
    if not verify_all(fee.hash, fee.proofs):
        violations.append(reason("InvalidSigned", error=reason("InvalidSignatures")))
    if any(signer_address(proof) != fee.source for proof in fee.proofs):
        violations.append(reason("NotSignedBySourceAddressOwner"))
    if fee.source == fee.destination:
        violations.append(reason("SameSourceAndDestinationAddress", address=fee.source))
    return violations
