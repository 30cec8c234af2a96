"""Allow-spends: a metagraph may take up to so much from here, until then (Tessellation, ``swap.scala``)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

from ottochain.codec.wire import json_hash
from ottochain.ledger.amounts import AMOUNT_MAX
from ottochain.ledger.fields import address, addresses, amount, integer, members_of, optional_address
from ottochain.ledger.items import SignedItem, owner_faults
from ottochain.ledger.reasons import Reason, reason
from ottochain.ledger.references import Reference
from ottochain.model.signed import decode_proofs

_APPROVERS_MAX: Final = 256


@dataclass(frozen=True)
class AllowSpend:
    """``amount`` is taken off ``source`` at once and kept for ``destination``, a metagraph, which may spend it.

    After global epoch ``last_valid_epoch_progress`` what is left goes back; ``fee`` does not. ``currency_id`` is None
    for the DAG.
    """

    source: str
    destination: str
    currency_id: str | None
    amount: int
    fee: int
    parent: Reference
    last_valid_epoch_progress: int
    approvers: tuple[str, ...]

    @cached_property
    def hash(self) -> str:
        """The hash that names it and that its owner signs."""
        return json_hash(self.to_json())

    @property
    def order(self) -> tuple[Any, ...]:
        """The fields as they are declared; no currency stands before any."""
        currency = () if self.currency_id is None else (self.currency_id,)
        last = self.last_valid_epoch_progress
        return (self.source, self.destination, currency, self.amount, self.fee, self.parent, last, self.approvers)

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "source": self.source,
            "destination": self.destination,
            "currencyId": self.currency_id,
            "amount": self.amount,
            "fee": self.fee,
            "parent": self.parent.to_json(),
            "lastValidEpochProgress": self.last_valid_epoch_progress,
            "approvers": list(self.approvers),
        }

    @classmethod
    def from_json(cls, value: object) -> "AllowSpend":
        """The allow-spend of its wire form; ``ModelError`` if it is none."""
        members = members_of(value, "an allow-spend")
        return cls(
            source=address(members, "source"),
            destination=address(members, "destination"),
            currency_id=optional_address(members, "currencyId"),
            amount=amount(members, "amount"),
            fee=amount(members, "fee", low=0),
            parent=Reference.from_json(members.get("parent")),
            last_valid_epoch_progress=integer(members, "lastValidEpochProgress", 0, AMOUNT_MAX),
            approvers=addresses(members, "approvers", _APPROVERS_MAX),
        )


SignedAllowSpend: TypeAlias = SignedItem[AllowSpend]


def read_allow_spend(value: object) -> SignedAllowSpend:
    """The signed allow-spend of its wire form; ``ModelError`` if it is none."""
    members = members_of(value, "a signed allow-spend")
    return SignedItem.of(AllowSpend.from_json(members.get("value")), decode_proofs(members.get("proofs")))


def allow_spend_faults(signed: SignedAllowSpend) -> list[Reason]:
    """All that is wrong with an allow-spend whatever the state (Tessellation, ``AllowSpendValidator``)."""
    faults = owner_faults(signed)
    value = signed.value
    if any(approver != value.destination for approver in value.approvers):
        faults.append(reason("InvalidApprover", approvers=value.approvers, destination=value.destination))
    return faults
