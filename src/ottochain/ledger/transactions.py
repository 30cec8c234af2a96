"""Transactions: tokens from one address to another (Tessellation, ``transaction.scala``)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

from ottochain.crypto.addresses import STARDUST_ADDRESS
from ottochain.crypto.transactions import transaction_hash
from ottochain.ledger.fields import address, amount, integer, members_of
from ottochain.ledger.items import SignedItem, owner_faults
from ottochain.ledger.reasons import Reason, reason
from ottochain.ledger.references import Reference
from ottochain.model.signed import decode_proofs

LOCKED_ADDRESSES: Final = frozenset(
    {
        STARDUST_ADDRESS,
        "DAG0qgcEbMk8vQL6VrnbhMreNeEFXk12v1BvERCb",
        "DAG2KQrN97LpA5gRerJAQ5mDuy6kjC2dDtMr58fe",
    }
)
"""Addresses that may not spend (Tessellation, ``application.conf``)."""

_SALT_MAX: Final = (1 << 63) - 1


@dataclass(frozen=True)
class Transaction:
    """``amount`` leaves ``source`` for ``destination``; ``fee`` is burnt. ``salt`` is any signed 64-bit number."""

    source: str
    destination: str
    amount: int
    fee: int
    parent: Reference
    salt: int

    @cached_property
    def hash(self) -> str:
        """The hash that names it and that its owner signs: of Kryo's text, not of its JSON."""
        return transaction_hash(self.to_json())

    @property
    def order(self) -> tuple[Any, ...]:
        """The fields as they are declared."""
        return (self.source, self.destination, self.amount, self.fee, self.parent, self.salt)

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "source": self.source,
            "destination": self.destination,
            "amount": self.amount,
            "fee": self.fee,
            "parent": self.parent.to_json(),
            "salt": self.salt,
        }

    @classmethod
    def from_json(cls, value: object) -> "Transaction":
        """The transaction of its wire form; ``ModelError`` if it is none."""
        members = members_of(value, "a transaction")
        return cls(
            source=address(members, "source"),
            destination=address(members, "destination"),
            amount=amount(members, "amount"),
            fee=amount(members, "fee", low=0),
            parent=Reference.from_json(members.get("parent")),
            salt=integer(members, "salt", -_SALT_MAX - 1, _SALT_MAX),
        )


SignedTransaction: TypeAlias = SignedItem[Transaction]


def read_transaction(value: object) -> SignedTransaction:
    """The signed transaction of its wire form; ``ModelError`` if it is none."""
    members = members_of(value, "a signed transaction")
    return SignedItem.of(Transaction.from_json(members.get("value")), decode_proofs(members.get("proofs")))


def transaction_faults(signed: SignedTransaction, locked: frozenset[str] = LOCKED_ADDRESSES) -> list[Reason]:
    """All that is wrong with a transaction whatever the state (Tessellation, ``TransactionValidator``)."""
    faults = owner_faults(signed)
    if signed.value.source == signed.value.destination:
        faults.append(reason("SameSourceAndDestinationAddress", address=signed.source))
    if signed.source in locked:
        faults.append(reason("AddressLocked", address=signed.source))
    return faults
